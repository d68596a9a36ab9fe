/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Codecs of the store: what is written reads back the same, and nothing else reads at all
 */

#include "store/checkpoint-codec.h"
#include "store/commit-codec.h"
#include "store/record.h"

#include <errno.h>
#include <string.h>

#define REVISION  UINT64_C(77)
#define TIME_USEC UINT64_C(1700000000000000)

static const sd_id128_t uuid =
        SD_ID128_MAKE(5a, 01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f);

static void test_numbers_round_trip(void)
{
        static const uint64_t numbers[] = {
                0,          1,          0x7f,
                0x80,       0x3fff,     0x4000,
                1u << 31,   1ull << 56, (1ull << 63) - 1,
                1ull << 63, UINT64_MAX,
        };
        g_auto(CodecBuffer) buffer = { 0 };
        CodecReader reader;

        for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
                codec_put_number(&buffer, numbers[i]);

        reader = codec_reader(buffer.bytes, buffer.n_bytes);
        for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
                g_assert_cmpuint(codec_get_number(&reader), ==, numbers[i]);
        g_assert_cmpint(codec_finish(&reader), ==, 0);
}

/* Numbers of each length, with all that may follow them or nothing, which is read in another way. */
static void test_numbers_of_each_length_round_trip(void)
{
        for (unsigned bits = 0; bits < 64; bits++)
                for (unsigned n_behind = 0; n_behind < 10; n_behind++) {
                        uint64_t number = (UINT64_C(0x9d5ac371e2f4b687) | 1) >> (63 - bits);
                        g_auto(CodecBuffer) buffer = { 0 };
                        CodecReader reader;

                        codec_put_number(&buffer, number);
                        g_assert_cmpuint(buffer.n_bytes, ==, bits / 7 + 1);
                        for (unsigned i = 0; i < n_behind; i++)
                                codec_put_byte(&buffer, i % 2 ? 0x80 : 0xff);

                        reader = codec_reader(buffer.bytes, buffer.n_bytes);
                        g_assert_cmpuint(codec_get_number(&reader), ==, number);
                        g_assert_cmpuint(codec_rest(&reader), ==, n_behind);
                }
}

static void test_strings_of_each_length_round_trip(void)
{
        char text[200];

        for (size_t i = 0; i < sizeof text; i++)
                text[i] = (char) (1 + i % 100);
        for (size_t n = 0; n <= sizeof text; n++) {
                g_autofree uint8_t *bytes = g_malloc0(CODEC_NUMBER_BYTES_MAX + n);
                uint8_t *end = codec_store_string(bytes, text, n);
                CodecReader reader = codec_reader(bytes, (size_t) (end - bytes));
                size_t n_read;
                const char *read = codec_get_string(&reader, sizeof text, &n_read);

                g_assert_cmpint(codec_finish(&reader), ==, 0);
                g_assert_cmpmem(read, n_read, text, n);
        }
}

static void test_numbers_have_one_form(void)
{
        static const struct {
                uint8_t bytes[11];
                size_t n_bytes;
        } bad[] = {
                { { 0x80, 0x00 }, 2 },
                { { 0xff, 0x80, 0x00 }, 3 },
                { { 0x80, 0x00, 1, 1, 1, 1, 1, 1, 1, 1 }, 10 },
                { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 1, 1 }, 10 },
                { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02 }, 10 },
                { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 }, 11 },
                { { 0x80 }, 1 },
                { { 0 }, 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                CodecReader reader = codec_reader(bad[i].bytes, bad[i].n_bytes);

                (void) codec_get_number(&reader);
                g_assert_true(reader.is_bad);
                g_assert_cmpuint(codec_get_byte(&reader), ==, 0);
                g_assert_cmpint(codec_finish(&reader), ==, -EBADMSG);
        }
}

static void put(Commit *commit, NamespaceChange *change, const char *key, const char *text)
{
        g_autoptr(GVariant) value =
                g_variant_ref_sink(g_variant_new_parsed(text)); /* NOLINT: the text is ours */
        EntryClass class = strstr(key, "runtime") ? ENTRY_RUNTIME : ENTRY_PERSISTENT;

        commit_add_entry(commit, change, entry_new(key, value, class));
}

/* @text NULL: it is deleted. */
static void put_of_release(Commit *commit,
                           NamespaceChange *change,
                           const char *key,
                           const char *text,
                           const char *release)
{
        g_autoptr(GVariant) value =
                text ? g_variant_ref_sink(g_variant_new_parsed(text)) : NULL; /* NOLINT: likewise */
        g_autoptr(Entry) entry = value ? entry_new(key, value, ENTRY_PERSISTENT)
                                       : entry_new_tombstone(key, ENTRY_PERSISTENT);

        commit_add_entry(commit, change, entry_new_of_release(entry, release));
}

static Commit *commit_of_everything(void)
{
        Commit *commit = commit_new(REVISION, TIME_USEC, 4001, "because");
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, "org.example.A");

        put(commit, change, "a/string", "'text'");
        put(commit, change, "bytes", "[byte 0x00, 0xff]");
        put(commit, change, "deep", "{'a': <[(1, 2.5, @as [])]>}");
        put(commit, change, "runtime/number", "uint64 18446744073709551615");
        commit_add_entry(commit, change, entry_new_tombstone("gone", ENTRY_PERSISTENT));
        put_of_release(commit, change, "a/string", "'for one kernel'", "6.1.0-18-amd64");
        put_of_release(commit, change, "bytes", NULL, "6.6.13+bpo_x~1");
        change = commit_add(commit, NAMESPACE_CHANGE_CREATE, "org.example.B");
        change->access = (NamespaceAccess){ 1, NAMESPACE_NO_GROUP, 0640, 5, UINT64_MAX };
        change = commit_add(commit, NAMESPACE_CHANGE_ACCESS, "org.example.C");
        change->access = (NamespaceAccess){ UINT32_MAX - 1, 0, 0664, 0, 0 };
        commit_add(commit, NAMESPACE_CHANGE_REMOVE, "org.example.D");
        return commit;
}

static char *print_commit(const Commit *commit)
{
        GString *text = g_string_new(NULL);

        g_string_printf(text, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %u %s\n",
                        commit->revision, commit->time_usec, commit->writer_uid,
                        commit->reason ? commit->reason : "-");
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                g_string_append_printf(
                        text, "%d %s %u %u %o %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n",
                        (int) change->kind, change->name, change->access.owner,
                        change->access.group, change->access.mode, change->access.quota_keys,
                        change->access.quota_bytes);
                for (guint j = 0; change->entries && j < change->entries->len; j++) {
                        Entry *entry = change->entries->pdata[j];
                        g_autoptr(GVariant) value =
                                entry_is_tombstone(entry) ? NULL : entry_value(entry);
                        g_autofree char *printed = value ? g_variant_print(value, TRUE) : NULL;

                        g_string_append_printf(text, "  %u %s@%s %s %s %" G_GUINT64_FORMAT "\n",
                                               entry->class, entry_key(entry), entry_release(entry),
                                               entry_type(entry), printed ? printed : "gone",
                                               entry->revision);
                }
        }

        return g_string_free(text, FALSE);
}

static void test_commit_round_trips(void)
{
        g_autoptr(Commit) commit = commit_of_everything();
        g_autoptr(Commit) persistent = NULL;
        g_autoptr(Commit) runtime = NULL;
        g_autofree char *expected = print_commit(commit);
        g_autofree char *found = NULL;
        g_autofree char *lost = NULL;
        g_auto(CodecBuffer) buffer = { 0 };

        g_assert_true(commit_codec_has_part(commit, COMMIT_PERSISTENT));
        commit_codec_put(&buffer, commit, COMMIT_PERSISTENT, 0);
        g_assert_cmpint(commit_codec_get(&persistent, buffer.bytes, buffer.n_bytes, false, REVISION,
                                         TIME_USEC),
                        ==, 0);

        buffer.n_bytes = 0;
        g_assert_true(commit_codec_has_part(commit, COMMIT_RUNTIME));
        commit_codec_put(&buffer, commit, COMMIT_RUNTIME, 76);
        g_assert_cmpuint(commit_codec_pair_revision(buffer.bytes, buffer.n_bytes), ==, 76);
        g_assert_cmpint(
                commit_codec_get(&runtime, buffer.bytes, buffer.n_bytes, true, REVISION, TIME_USEC),
                ==, 0);

        /* The two make the whole: the runtime entry goes back to where it was. */
        g_ptr_array_insert(
                ((NamespaceChange *) persistent->changes->pdata[0])->entries, 3,
                entry_ref(((NamespaceChange *) runtime->changes->pdata[0])->entries->pdata[0]));
        found = print_commit(persistent);
        g_assert_cmpstr(found, ==, expected);
        lost = print_commit(runtime);
        g_assert_nonnull(strstr(lost, "runtime/number"));
        g_assert_null(strstr(lost, "a/string"));
}

/* Replaces the release of the one entry of @buffer by as many other bytes. */
static int get_with_release(const CodecBuffer *buffer, const char *from, const char *to)
{
        g_autofree uint8_t *copy = g_memdup2(buffer->bytes, buffer->n_bytes);
        uint8_t *found = memmem(copy, buffer->n_bytes, from, strlen(from));
        g_autoptr(Commit) commit = NULL;

        g_assert_nonnull(found);
        memcpy(found, to, strlen(from));
        return commit_codec_get(&commit, copy, buffer->n_bytes, false, REVISION, TIME_USEC);
}

static void test_release_that_is_none_is_refused(void)
{
        g_autoptr(Commit) commit = commit_new(REVISION, TIME_USEC, 4001, NULL);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, "org.example.A");
        g_auto(CodecBuffer) buffer = { 0 };

        put_of_release(commit, change, "key", "1", "6.1-x");
        commit_codec_put(&buffer, commit, COMMIT_PERSISTENT, 0);
        g_assert_cmpint(get_with_release(&buffer, "6.1-x", "6.2-y"), ==, 0);
        g_assert_cmpint(get_with_release(&buffer, "6.1-x", "6/1-x"), ==, -EBADMSG);
        g_assert_cmpint(get_with_release(&buffer, "6.1-x", "6.1-\n"), ==, -EBADMSG);
        g_assert_cmpint(get_with_release(&buffer, "6.1-x", "6.1-\xff"), ==, -EBADMSG);
        /* The length of the release, and its end. */
        g_assert_cmpint(get_with_release(&buffer,
                                         "\x05"
                                         "6.1-x",
                                         "\x04"
                                         "6.1-x"),
                        ==, -EBADMSG);
        g_assert_cmpint(get_with_release(&buffer,
                                         "\x05"
                                         "6.1-x",
                                         "\x41"
                                         "6.1-x"),
                        ==, -EBADMSG);
}

#define BUS "0123456789abcdef0123456789abcdef"

static void test_session_round_trips(void)
{
        g_autoptr(Commit) commit = commit_new(REVISION, TIME_USEC, 4001, NULL);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, "org.example.A");
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_string("text"));
        g_autoptr(Entry) entry = entry_new("key", value, ENTRY_RUNTIME);
        g_auto(CodecBuffer) buffer = { 0 };
        g_autoptr(Commit) found = NULL;
        const GPtrArray *entries;

        commit_add_entry(commit, change, entry_new_of_session(entry, BUS ":1.42"));
        commit_add_entry(commit, change, entry_new_tombstone("gone", ENTRY_SESSION));
        g_assert_false(commit_codec_has_part(commit, COMMIT_PERSISTENT));
        g_assert_true(commit_codec_has_part(commit, COMMIT_RUNTIME));
        commit_codec_put(&buffer, commit, COMMIT_RUNTIME, 0);
        g_assert_cmpint(
                commit_codec_get(&found, buffer.bytes, buffer.n_bytes, false, REVISION, TIME_USEC),
                ==, 0);
        entries = ((NamespaceChange *) found->changes->pdata[0])->entries;
        g_assert_cmpuint(entries->len, ==, 2);
        g_assert_cmpstr(entry_session(entries->pdata[0]), ==, BUS ":1.42");
        g_assert_true(entry_equal(entries->pdata[0], change->entries->pdata[0]));
        g_assert_true(entry_is_tombstone(entries->pdata[1]));
        g_assert_cmpint(((Entry *) entries->pdata[1])->class, ==, ENTRY_SESSION);
        g_assert_cmpstr(entry_session(entries->pdata[1]), ==, "");
        g_assert_cmpstr(entry_release(entries->pdata[0]), ==, "");

        g_assert_cmpint(get_with_release(&buffer, ":1.42", ":1.43"), ==, 0);
        g_assert_cmpint(get_with_release(&buffer, ":1.42", ".1.42"), ==, -EBADMSG);
        g_assert_cmpint(get_with_release(&buffer, ":1.42", ":1.\n2"), ==, -EBADMSG);
        g_assert_cmpint(get_with_release(&buffer, "0123", "012G"), ==, -EBADMSG);
        g_assert_cmpint(get_with_release(&buffer,
                                         "%"
                                         "0123",
                                         "\xff"
                                         "0123"),
                        ==, -EBADMSG);
}

static void test_set_is_small(void)
{
        g_autoptr(Commit) commit = commit_new(123456, TIME_USEC, 4001, NULL);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, "org.example.Bench");
        g_auto(CodecBuffer) buffer = { 0 };
        RecordPosition position = { .uuid = uuid };
        RecordHeader header = { .kind = RECORD_COMMIT, .revision = 123456 };
        size_t begin = record_begin(&buffer);

        put(commit, change, "a-key-of-20-bytes-00", "'0123456789abcdef0123456789abcdef'");
        commit_codec_put(&buffer, commit, COMMIT_PERSISTENT, 0);
        record_seal(&buffer, begin, &header, &position);
        g_assert_cmpuint(buffer.n_bytes, <, 160);
}

/* Every way of cutting the payload short is refused, and every flip is survived. */
static void test_commit_cut_or_flipped_is_refused(void)
{
        g_autoptr(Commit) commit = commit_of_everything();
        g_auto(CodecBuffer) buffer = { 0 };

        commit_codec_put(&buffer, commit, COMMIT_PERSISTENT, 0);
        for (size_t n = 0; n < buffer.n_bytes; n++) {
                g_autofree uint8_t *copy = g_memdup2(buffer.bytes, n);
                Commit *none = NULL;

                g_assert_cmpint(commit_codec_get(&none, copy, n, false, REVISION, TIME_USEC), ==,
                                -EBADMSG);
        }

        for (size_t bit = 0; bit < 8 * buffer.n_bytes; bit++) {
                g_autofree uint8_t *copy = g_memdup2(buffer.bytes, buffer.n_bytes);
                g_autoptr(Commit) other = NULL;
                int r;

                copy[bit / 8] ^= (uint8_t) (1u << bit % 8);
                r = commit_codec_get(&other, copy, buffer.n_bytes, false, REVISION, TIME_USEC);
                if (bit < 32)
                        g_assert_cmpint(r, ==, COMMIT_CODEC_E_NEWER);
                else
                        g_assert_true(r == 0 || r == -EBADMSG);
        }
}

static size_t seal_one(CodecBuffer *buffer, RecordPosition *position)
{
        RecordHeader header = {
                .kind = RECORD_COMMIT,
                .flags = RECORD_PAIRED,
                .revision = REVISION,
                .time_usec = TIME_USEC,
                .durable = REVISION - 1,
        };
        size_t begin = record_begin(buffer);

        codec_put_string(buffer, "payload", 7);
        record_seal(buffer, begin, &header, position);
        return begin;
}

static void test_record_round_trips(void)
{
        g_auto(CodecBuffer) buffer = { 0 };
        RecordPosition position = { .uuid = uuid, .offset = 4096, .previous = 99 };
        Record record;

        seal_one(&buffer, &position);
        g_assert_cmpuint(position.offset, ==, 4096 + buffer.n_bytes);
        g_assert_cmpuint(record_length(buffer.bytes, uuid, 4096), ==, buffer.n_bytes);
        g_assert_cmpint(record_verify(&record, buffer.bytes, uuid, 4096), ==, 0);
        g_assert_cmpuint(record.header.revision, ==, REVISION);
        g_assert_cmpuint(record.header.time_usec, ==, TIME_USEC);
        g_assert_cmpuint(record.header.durable, ==, REVISION - 1);
        g_assert_cmpuint(record.header.previous, ==, 99);
        g_assert_cmpuint(record.header.flags, ==, RECORD_PAIRED);
        g_assert_cmpuint(record.header.payload_bytes, ==, 8);
        g_assert_cmpuint(record.checksum, ==, position.previous);
        g_assert_cmpmem(record.payload, 8, "\007payload", 8);
}

static bool verifies(const uint8_t *bytes, size_t n_bytes, sd_id128_t file, uint64_t offset)
{
        size_t length = record_length(bytes, file, offset);
        Record record;

        return length > 0 && length <= n_bytes && record_verify(&record, bytes, file, offset) == 0;
}

static void test_record_flipped_or_moved_never_verifies(void)
{
        g_auto(CodecBuffer) buffer = { 0 };
        RecordPosition position = { .uuid = uuid, .offset = 4096 };
        sd_id128_t other = uuid;

        seal_one(&buffer, &position);
        g_assert_true(verifies(buffer.bytes, buffer.n_bytes, uuid, 4096));
        for (size_t bit = 0; bit < 8 * buffer.n_bytes; bit++) {
                buffer.bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
                g_assert_false(verifies(buffer.bytes, buffer.n_bytes, uuid, 4096));
                buffer.bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
        }

        g_assert_false(verifies(buffer.bytes, buffer.n_bytes, uuid, 4104));
        other.bytes[15] ^= 1;
        g_assert_false(verifies(buffer.bytes, buffer.n_bytes, other, 4096));
}

static void test_header_flipped_never_verifies(void)
{
        FileHeader header, read;
        uint8_t *bytes = (uint8_t *) &header;

        file_header_make(&header, FORMAT_MAGIC_JOURNAL, uuid, uuid, 12, 34, TIME_USEC);
        g_assert_cmpint(file_header_read(&read, FORMAT_MAGIC_JOURNAL, &header, sizeof header), ==,
                        0);
        g_assert_cmpuint(read.base_revision, ==, 12);
        g_assert_cmpuint(read.predecessor, ==, 34);
        g_assert_cmpint(file_header_read(&read, FORMAT_MAGIC_CHECKPOINT, &header, sizeof header),
                        ==, RECORD_E_NONE);

        for (size_t n = 0; n < sizeof header; n++)
                g_assert_cmpint(file_header_read(&read, FORMAT_MAGIC_JOURNAL, &header, n), ==,
                                RECORD_E_NONE);
        for (size_t bit = 0; bit < 8 * sizeof header; bit++) {
                bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
                g_assert_cmpint(
                        file_header_read(&read, FORMAT_MAGIC_JOURNAL, &header, sizeof header), ==,
                        RECORD_E_NONE);
                bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
        }
}

static int count_namespace(void *userdata,
                           const char *name,
                           const NamespaceAccess *access,
                           uint64_t created_revision,
                           uint64_t revision)
{
        g_assert_cmpstr(name, ==, "org.example.A");
        g_assert_cmpuint(access->mode, ==, 0640);
        g_assert_cmpuint(created_revision, ==, 3);
        g_assert_cmpuint(revision, ==, 5);
        return 0;
        (void) userdata;
}

static int count_group(void *userdata G_GNUC_UNUSED, const char *name)
{
        return strcmp(name, "org.example.A") == 0 ? 0 : -ENOENT;
}

static int count_entry(void *userdata,
                       const EntryView *view,
                       uint64_t revision,
                       uint64_t time_usec,
                       uint32_t writer_uid)
{
        unsigned *n = userdata;

        g_assert_cmpmem(view->key, view->key_bytes, "key", 3);
        g_assert_cmpuint(revision, ==, 5);
        g_assert_cmpuint(time_usec, ==, TIME_USEC);
        g_assert_cmpuint(writer_uid, ==, 4001);
        ++*n;
        return 0;
}

static Record record_of(const CodecBuffer *buffer, RecordKind kind)
{
        return (Record){
                .header = { .kind = (uint16_t) kind,
                            .revision = 9,
                            .payload_bytes = (uint32_t) buffer->n_bytes },
                .payload = buffer->bytes,
        };
}

static void test_checkpoint_round_trips(void)
{
        NamespaceAccess access = { 4001, 4100, 0640, 7, 8 };
        g_autoptr(Namespace) ns = namespace_new("org.example.A", &access, 3);
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_int32(4));
        g_autoptr(Entry) entry = entry_new("key", value, ENTRY_PERSISTENT);
        NamespaceSnapshot snapshot = { ns, access, 3, 5 };
        CheckpointGroup group = { 0 };
        CheckpointCounts counts = { 0 };
        g_auto(CodecBuffer) buffer = { 0 };
        unsigned n = 0;
        CheckpointSink sink = { count_namespace, count_group, count_entry, &n };
        Record record;

        checkpoint_codec_begin(&buffer);
        checkpoint_codec_put_namespace(&buffer, &snapshot);
        record = record_of(&buffer, RECORD_NAMESPACES);
        g_assert_cmpint(checkpoint_codec_get(&record, &sink, &counts), ==, 0);

        entry->revision = 5;
        entry->time_usec = TIME_USEC;
        entry->writer_uid = 4001;
        buffer.n_bytes = 0;
        checkpoint_codec_begin(&buffer);
        checkpoint_codec_put_entry(&buffer, &group, ns, entry);
        checkpoint_codec_put_entry(&buffer, &group, ns, entry);
        record = record_of(&buffer, RECORD_ENTRIES);
        g_assert_cmpint(checkpoint_codec_get(&record, &sink, &counts), ==, 0);
        g_assert_cmpuint(n, ==, 2);
        for (uint32_t cut = 5; cut < buffer.n_bytes; cut++) {
                CheckpointCounts other = { 0 };

                record.header.payload_bytes = cut;
                g_assert_cmpint(checkpoint_codec_get(&record, &sink, &other), ==, -EBADMSG);
        }

        buffer.n_bytes = 0;
        checkpoint_codec_begin(&buffer);
        checkpoint_codec_put_end(&buffer, 1, 2);
        record = record_of(&buffer, RECORD_END);
        g_assert_cmpint(checkpoint_codec_get(&record, &sink, &counts), ==, CHECKPOINT_CODEC_E_END);
        counts.n_entries++;
        g_assert_cmpint(checkpoint_codec_get(&record, &sink, &counts), ==, -EBADMSG);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/store/codec/numbers-round-trip", test_numbers_round_trip);
        g_test_add_func("/store/codec/numbers-of-each-length-round-trip",
                        test_numbers_of_each_length_round_trip);
        g_test_add_func("/store/codec/strings-of-each-length-round-trip",
                        test_strings_of_each_length_round_trip);
        g_test_add_func("/store/codec/numbers-have-one-form", test_numbers_have_one_form);
        g_test_add_func("/store/codec/release-that-is-none-is-refused",
                        test_release_that_is_none_is_refused);
        g_test_add_func("/store/codec/session-round-trips", test_session_round_trips);
        g_test_add_func("/store/codec/commit-round-trips", test_commit_round_trips);
        g_test_add_func("/store/codec/set-is-small", test_set_is_small);
        g_test_add_func("/store/codec/commit-cut-or-flipped-is-refused",
                        test_commit_cut_or_flipped_is_refused);
        g_test_add_func("/store/codec/record-round-trips", test_record_round_trips);
        g_test_add_func("/store/codec/record-flipped-or-moved-never-verifies",
                        test_record_flipped_or_moved_never_verifies);
        g_test_add_func("/store/codec/header-flipped-never-verifies",
                        test_header_flipped_never_verifies);
        g_test_add_func("/store/codec/checkpoint-round-trips", test_checkpoint_round_trips);

        return g_test_run();
}
