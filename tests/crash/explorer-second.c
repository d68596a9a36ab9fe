/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Explorer: crashes of what recovers
 *
 * While a disk is recovered, and while commits are written to it afterwards, disks are put by that a
 * crash would have left in between. Each is recovered in turn:
 *
 *     crashed in recovery    what is there is what the first recovery found. A power cut may take
 *                            from a killed process what was never synced: then the oracle decides.
 *     crashed after that     what the first recovery showed is there, whatever the crash; and what
 *                            was written since, up to one commit, at least the last acknowledged.
 */

#include "choices.h"
#include "explorer.h"

#define LEFT_MAX      3u /* by chance, in recovery and again afterwards */
#define N_BATCHES     3u
#define BATCH_COMMITS 2u
#define NEW_NAME      "org.crash.Afterwards"
#define TEXT_BYTES    700u

/* A disk that was put by. */
typedef struct Left {
        Disk *disk;
        CrashKind kind;
        bool is_afterwards;
        guint n_acknowledged; /* of the commits written afterwards */
} Left;

typedef struct Second {
        Explorer *explorer;
        GPtrArray *left;
        bool is_afterwards;
        guint n_acknowledged;
        GArray *findings; /* after 0, 1, … commits */
} Second;

static void left_free(gpointer userdata)
{
        Left *left = userdata;

        disk_free(left->disk);
        g_free(left);
}

static void put_by(Second *second, CrashKind kind)
{
        Disk *disk = second->explorer->trial.memory.disk;
        Left *left = g_new(Left, 1);

        *left = (Left){
                .kind = kind,
                .is_afterwards = second->is_afterwards,
                .n_acknowledged = second->n_acknowledged,
        };
        if (kind == CRASH_POWER) {
                g_autoptr(Cut) cut = cut_new(disk);
                g_auto(CutChoice) choice = { 0 };

                choice_by_chance(&choice, cut, second->explorer->random);
                left->disk = cut_power(cut, &choice, false);
        } else {
                left->disk = cut_process(disk, false);
        }
        g_ptr_array_add(second->left, left);
}

/* A few of the places there are. */
static void on_change(void *userdata)
{
        Second *second = userdata;
        GRand *random = second->explorer->random;

        if (second->left->len < (second->is_afterwards ? 2 : 1) * LEFT_MAX &&
            g_rand_int_range(random, 0, 6) == 0)
                put_by(second, g_rand_boolean(random) ? CRASH_POWER : CRASH_PROCESS);
}

static void note_state(Second *second)
{
        Finding finding = { 0 };

        finding_read_state(&finding, second->explorer->trial.state);
        g_array_append_val(second->findings, finding);
}

static void put(Commit *commit, NamespaceChange *change, const char *key, guint n, EntryClass class)
{
        g_autofree char *text = g_strnfill(TEXT_BYTES, (gchar) ('a' + n % 26));
        g_autoptr(GVariant) value =
                g_variant_ref_sink(g_variant_new_take_string(g_steal_pointer(&text)));

        commit_add_entry(commit, change, entry_new(key, value, class));
}

/* The first makes a namespace, the others set keys, of one class, of the other, and of both. */
static Commit *new_commit(uint64_t revision, guint n)
{
        Commit *commit = commit_new(revision, 1, 4001, NULL);
        NamespaceChange *change;

        if (n == 0) {
                change = commit_add(commit, NAMESPACE_CHANGE_CREATE, NEW_NAME);
                change->access = (NamespaceAccess){ .owner = 4001,
                                                    .group = NAMESPACE_NO_GROUP,
                                                    .mode = 0644 };
                return commit;
        }
        change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, NEW_NAME);
        if (n % 3 != 2)
                put(commit, change, "persistent", n, ENTRY_PERSISTENT);
        if (n % 3 != 1)
                put(commit, change, "runtime", n, ENTRY_RUNTIME);
        return commit;
}

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

/* A batch shows all of its commits at once, but a crash may leave the first of them. */
static void write_batch(Second *second, const GPtrArray *commits)
{
        Trial *trial = &second->explorer->trial;

        trial_write(trial, commits);
        for (guint i = 0; i < commits->len; i++) {
                state_apply(trial->state, commits->pdata[i]);
                note_state(second);
        }

        g_mutex_lock(&trial->memory.mutex);
        second->n_acknowledged += commits->len;
        put_by(second, CRASH_POWER);
        g_mutex_unlock(&trial->memory.mutex);
        store_applied(trial->store);
}

static void write_afterwards(Second *second)
{
        uint64_t revision = state_revision(second->explorer->trial.state);

        second->is_afterwards = true;
        note_state(second);
        put_by(second, CRASH_POWER);
        for (guint n = 0; n < N_BATCHES * BATCH_COMMITS;) {
                g_autoptr(GPtrArray) commits = g_ptr_array_new_with_free_func(commit_destroy);

                for (guint j = 0; j < BATCH_COMMITS; j++, n++)
                        g_ptr_array_add(commits, new_commit(revision + 1 + n, n));
                write_batch(second, commits);
        }
}

static bool is_same(const Finding *a, const Finding *b, CrashKind kind)
{
        return kind == CRASH_POWER ? a->persistent_digest == b->persistent_digest
                                   : a->digest == b->digest;
}

/* What is wrong with what was found on a disk that was put by afterwards; owned; NULL: nothing. */
static char *judge_afterwards(const Second *second, const Left *left, const Finding *finding)
{
        const Finding *least = &g_array_index(second->findings, Finding, left->n_acknowledged);

        if (finding->revision < least->revision)
                return g_strdup("the revision went back");
        for (guint i = left->n_acknowledged; i < second->findings->len; i++)
                if (is_same(&g_array_index(second->findings, Finding, i), finding, left->kind))
                        return NULL;
        return g_strdup_printf("what was shown, and %u commits after it, are not there",
                               left->n_acknowledged);
}

static char *judge_left(const Second *second,
                        guint event,
                        CrashKind first_kind,
                        const Finding *first,
                        const Left *left,
                        const Finding *finding)
{
        if (finding->result != 0 || finding->state != SERVICE_RUNNING || finding->is_incomplete)
                return oracle_judge(second->explorer->oracle, event, left->kind, finding);
        if (left->is_afterwards)
                return judge_afterwards(second, left, finding);
        if (left->kind == CRASH_POWER && first_kind == CRASH_PROCESS)
                return oracle_judge(second->explorer->oracle, event, CRASH_POWER, finding);
        return is_same(first, finding, left->kind)
                       ? NULL
                       : g_strdup("a second recovery finds something else");
}

static void recover_left(
        Second *second, guint event, CrashKind first_kind, const Finding *first, const Left *left)
{
        Explorer *explorer = second->explorer;
        sd_id128_t boot_id = explorer_boot_id(explorer, first_kind);
        g_autoptr(Disk) own = cut_process(left->disk, false);
        Finding finding;
        char *complaint;

        if (left->kind == CRASH_POWER)
                boot_id.bytes[1]++;
        finding = trial_recover(&explorer->trial, own, boot_id);
        explorer->counters.n_second++;
        complaint = judge_left(second, event, first_kind, first, left, &finding);
        if (complaint)
                explorer_complain(explorer, event,
                                  left->is_afterwards ? "crashed again after recovery"
                                                      : "crashed again in recovery",
                                  complaint, left->disk);
}

Finding explorer_try_twice(Explorer *explorer, guint event, CrashKind kind, Disk *disk)
{
        g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(left_free);
        g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(Finding));
        Second second = { .explorer = explorer, .left = left, .findings = findings };
        Trial *trial = &explorer->trial;
        Finding finding;

        trial->memory.on_change = on_change;
        trial->memory.userdata = &second;
        finding = trial_begin(trial, disk, explorer_boot_id(explorer, kind));
        if (finding.result == 0)
                write_afterwards(&second);
        trial->memory.on_change = NULL;
        trial_end(trial);
        for (guint i = 0; finding.result == 0 && i < left->len; i++)
                recover_left(&second, event, kind, &finding, left->pdata[i]);
        return finding;
}
