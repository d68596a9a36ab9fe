/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-store: what the store does at a start and for a checkpoint, without a bus
 *
 * `bench` beside it chooses what is measured, and judges. Each command prints one JSON object.
 */

#include "journal-maker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define FLOOR_BYTES ((size_t) 1 << 20)

static const char usage[] = "bench-store make STATE-DIRECTORY RUNTIME-DIRECTORY SHAPE MIB\n"
                            "bench-store recover STATE-DIRECTORY RUNTIME-DIRECTORY\n"
                            "bench-store checkpoint STATE-DIRECTORY RUNTIME-DIRECTORY\n"
                            "bench-store floor FILE\n";

typedef struct Session {
        sd_event *event;
        State *state;
        ServiceStatus status;
        Store *store;
        bool is_written;
        int result;
} Session;

static void on_written(void *userdata, int r)
{
        Session *session = userdata;

        session->is_written = true;
        session->result = r;
}

static void on_nothing(void *userdata G_GNUC_UNUSED)
{
}

static void session_clear(Session *session)
{
        store_free(session->store);
        state_free(session->state);
        sd_event_unref(session->event);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

static int session_open(Session *session, char **directories)
{
        StoreOptions options = journal_maker_options(directories[0], directories[1]);
        const StoreCallbacks callbacks = { on_written, on_nothing, on_nothing, session };
        int r;

        *session = (Session){ .state = state_new() };
        r = sd_event_new(&session->event);
        if (r < 0)
                return r;

        r = store_open(&session->store, io_system(), &options, session->event, session->state,
                       &session->status, &callbacks);
        if (r == 0 && session->status.state != SERVICE_RUNNING)
                r = -EBADMSG;
        return r > 0 ? -EBUSY : r;
}

/* What all threads have taken: on a machine that is busy with other things it says more than time. */
static double processor_seconds(void)
{
        struct timespec used;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
        return (double) used.tv_sec + (double) used.tv_nsec / 1e9;
}

static uint64_t counter(const Session *session, const char *name)
{
        g_autoptr(GVariant) statistics = g_variant_ref_sink(store_statistics(session->store));
        guint64 value = 0;

        (void) g_variant_lookup(statistics, name, "t", &value);
        return value;
}

static int command_make(char **arguments)
{
        const JournalShape *shape = journal_shape(arguments[2]);
        guint64 mib;
        JournalMade made;
        int r;

        if (!shape || !g_ascii_string_to_unsigned(arguments[3], 10, 1, 4096, &mib, NULL))
                return -EINVAL;

        r = journal_maker_run(arguments[0], arguments[1], shape, mib << 20, &made);
        if (r < 0)
                return r;

        printf("{\"bytes\": %" PRIu64 ", \"records\": %" PRIu64 ", \"changes\": %" PRIu64 "}\n",
               made.n_bytes, made.n_records, made.n_changes);
        return 0;
}

/* All that a start does with the files: read, check, apply, and make sure of the journal's end. */
static int command_recover(char **arguments)
{
        g_auto(Session) session = { 0 };
        int r;

        r = session_open(&session, arguments);
        if (r < 0)
                return r;

        printf("{\"seconds\": %.6f, \"processor_seconds\": %.6f, \"keys\": %" PRIu64 "}\n",
               (double) counter(&session, "recovery-usec") / G_USEC_PER_SEC, processor_seconds(),
               state_n_keys(session.state));
        return 0;
}

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

/* Creates a namespace: where nothing was committed there is nothing to take a checkpoint of. */
static int commit_something(Session *session)
{
        g_autoptr(GPtrArray) commits = g_ptr_array_new_with_free_func(commit_destroy);
        uint64_t revision = state_revision(session->state) + 1;
        g_autofree char *name = g_strdup_printf("bench.touched_%" PRIu64, revision);
        Commit *commit = commit_new(revision, (uint64_t) g_get_real_time(), 0, NULL);
        int r;

        commit_add(commit, NAMESPACE_CHANGE_CREATE, name)->access.mode = NAMESPACE_MODE_STANDARD;
        g_ptr_array_add(commits, commit);
        r = store_write(session->store, commits);
        while (r == 0 && !session->is_written) {
                r = sd_event_run(session->event, UINT64_MAX);
                r = MIN(r, 0);
        }
        if (r < 0 || session->result < 0)
                return r < 0 ? r : session->result;

        state_apply(session->state, commit);
        store_applied(session->store);
        return 0;
}

static int take_checkpoint(Session *session)
{
        int r;

        r = store_checkpoint(session->store);
        while (r == 0 && counter(session, "checkpoint-bytes-written") == 0) {
                if (counter(session, "checkpoint-failures") > 0)
                        return -EIO;
                r = sd_event_run(session->event, UINT64_MAX);
                r = MIN(r, 0);
        }
        return r;
}

/* From the order for one to its being named: nobody else wants the disk or the event loop. */
static int command_checkpoint(char **arguments)
{
        g_auto(Session) session = { 0 };
        double used;
        int64_t begin;
        int r;

        r = session_open(&session, arguments);
        if (r < 0)
                return r;

        r = commit_something(&session);
        if (r < 0)
                return r;

        used = processor_seconds();
        begin = g_get_monotonic_time();
        r = take_checkpoint(&session);
        if (r < 0)
                return r;

        printf("{\"seconds\": %.6f, \"processor_seconds\": %.6f, \"bytes\": %" PRIu64
               ", \"entries\": %" PRIu64 "}\n",
               (double) (g_get_monotonic_time() - begin) / G_USEC_PER_SEC,
               processor_seconds() - used, counter(&session, "checkpoint-bytes-written"),
               state_n_keys(session.state));
        return 0;
}

/* The least that recovery could do: reading the file, and checksums over all of it. */
static int command_floor(char **arguments)
{
        g_autofree uint8_t *bytes = g_malloc(FLOOR_BYTES);
        int64_t begin = g_get_monotonic_time();
        uint64_t sum = 0;
        uint64_t total = 0;
        ssize_t n;
        int fd;

        fd = open(arguments[0], O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        while ((n = read(fd, bytes, FLOOR_BYTES)) > 0) {
                sum ^= XXH3_64bits(bytes, (size_t) n);
                total += (uint64_t) n;
        }
        close(fd);
        if (n < 0)
                return -errno;

        printf("{\"seconds\": %.6f, \"bytes\": %" PRIu64 ", \"checksum\": \"%016" PRIx64 "\"}\n",
               (double) (g_get_monotonic_time() - begin) / G_USEC_PER_SEC, total, sum);
        return 0;
}

static const struct {
        const char *name;
        int n_arguments;
        int (*run)(char **arguments);
} commands[] = {
        { "make", 4, command_make },
        { "recover", 2, command_recover },
        { "checkpoint", 2, command_checkpoint },
        { "floor", 1, command_floor },
};

int main(int argc, char **argv)
{
        for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS(commands); i++) {
                int r;

                if (strcmp(argv[1], commands[i].name) != 0 || argc - 2 != commands[i].n_arguments)
                        continue;

                r = commands[i].run(argv + 2);
                if (r < 0)
                        fprintf(stderr, "bench-store: %s: %s\n", argv[1], strerror(-r));
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        }

        fputs(usage, stderr);
        return 2;
}
