/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of changes that wait for a confirmation: what is written reads back the same, and nothing else
 * does harm
 */

#include "store/commit-record.h"

#include <errno.h>
#include <string.h>

#define NS "org.example.Router"

static Entry *make_entry(const char *key, const char *text, EntryClass class)
{
        g_autoptr(GVariant) value =
                g_variant_ref_sink(g_variant_new_parsed(text)); /* NOLINT: the text is ours */

        return entry_new(key, value, class);
}

static Commit *commit_of(RecordKind kind)
{
        Commit *commit = commit_new(77, 1700000000000000, 4001, "because");
        NamespaceChange *change;
        WayBack *way_back;

        if (kind != RECORD_PENDING) {
                commit->settlement = kind == RECORD_CONFIRMATION ? COMMIT_CONFIRMS : COMMIT_UNDOES;
                commit->settles = 70;
        } else {
                commit->pending = pending_change_new(77, 4001);
                commit->pending->deadline_usec = 123456789;
                memset(commit->pending->digest, 0xd1, PENDING_DIGEST_BYTES);
                memset(commit->pending->boot_id, 0xb0, sizeof commit->pending->boot_id);
                way_back = pending_change_add_namespace(commit->pending, NS);
                pending_change_add_entry(commit->pending, way_back,
                                         make_entry("memory", "'a'", ENTRY_RUNTIME));
                pending_change_add_entry(commit->pending, way_back,
                                         entry_new_tombstone("k", ENTRY_PERSISTENT));
        }
        if (kind != RECORD_CONFIRMATION) {
                change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, NS);
                commit_add_entry(commit, change, make_entry("k", "1", ENTRY_PERSISTENT));
        }
        return commit;
}

static Record record_of(RecordKind kind, const void *payload, size_t n_bytes)
{
        return (Record){
                .header = {
                        .kind = (uint16_t) kind,
                        .revision = 77,
                        .time_usec = 1700000000000000,
                        .payload_bytes = (uint32_t) n_bytes,
                },
                .payload = payload,
        };
}

static void test_record_round_trips(gconstpointer userdata)
{
        RecordKind kind = (RecordKind) GPOINTER_TO_UINT(userdata);
        g_autoptr(Commit) commit = commit_of(kind);
        g_autoptr(Commit) again = NULL;
        g_auto(CodecBuffer) buffer = { 0 };
        g_auto(CodecBuffer) second = { 0 };
        Record record;

        g_assert_cmpint(commit_record_kind(commit, COMMIT_PERSISTENT), ==, kind);
        g_assert_cmpint(commit_record_kind(commit, COMMIT_RUNTIME), ==, RECORD_COMMIT);
        g_assert_true(commit_codec_has_part(commit, COMMIT_PERSISTENT));
        commit_record_put(&buffer, commit, COMMIT_PERSISTENT, 0);
        record = record_of(kind, buffer.bytes, buffer.n_bytes);
        g_assert_cmpint(commit_record_get(&again, &record), ==, 0);
        commit_record_put(&second, again, COMMIT_PERSISTENT, 0);
        g_assert_cmpmem(second.bytes, second.n_bytes, buffer.bytes, buffer.n_bytes);
        g_assert_cmpuint(again->settles, ==, commit->settles);
        g_assert_true((again->pending != NULL) == (kind == RECORD_PENDING));
        if (again->pending)
                g_assert_cmpuint(again->pending->n_bytes, ==, commit->pending->n_bytes);
}

/* Cut anywhere it is refused; with a bit flipped it is, or says something else: never a crash. */
static void test_record_cut_or_flipped(gconstpointer userdata)
{
        RecordKind kind = (RecordKind) GPOINTER_TO_UINT(userdata);
        g_autoptr(Commit) commit = commit_of(kind);
        g_auto(CodecBuffer) buffer = { 0 };

        commit_record_put(&buffer, commit, COMMIT_PERSISTENT, 0);
        for (size_t n = 0; n < buffer.n_bytes; n++) {
                g_autofree void *cut = g_memdup2(buffer.bytes, n);
                g_autoptr(Commit) again = NULL;
                Record record = record_of(kind, cut, n);

                g_assert_cmpint(commit_record_get(&again, &record), ==, -EBADMSG);
        }
        for (size_t bit = 0; bit < 8 * buffer.n_bytes; bit++) {
                g_autoptr(Commit) again = NULL;
                Record record = record_of(kind, buffer.bytes, buffer.n_bytes);
                int r;

                buffer.bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
                r = commit_record_get(&again, &record);
                g_assert_true(r == 0 || r == -EBADMSG || r == COMMIT_CODEC_E_NEWER);
                g_assert_true(bit >= 32 || r == COMMIT_CODEC_E_NEWER);
                buffer.bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
}

int main(int argc, char *argv[])
{
        static const RecordKind kinds[] = { RECORD_PENDING, RECORD_CONFIRMATION, RECORD_UNDOING };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree char *round = g_strdup_printf("/store/commit-record/%u", kinds[i]);
                g_autofree char *cut = g_strdup_printf("/store/commit-record/cut/%u", kinds[i]);

                g_test_add_data_func(round, GUINT_TO_POINTER(kinds[i]), test_record_round_trips);
                g_test_add_data_func(cut, GUINT_TO_POINTER(kinds[i]), test_record_cut_or_flipped);
        }
        return g_test_run();
}
