/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Manifest
 */

#include "store/manifest.h"

#include "store/format.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

#define GROUP            "Manifest"
#define CHECKSUM_COMMENT "# XXH3 "
#define CHECKSUM_BYTES   (strlen(CHECKSUM_COMMENT) + 16 + 1)
#define JOURNALS_MAX     1024u

static void generation_free(gpointer userdata)
{
        ManifestGeneration *generation = userdata;

        g_array_unref(generation->journals);
        g_free(generation);
}

Manifest *manifest_new(sd_id128_t epoch, sd_id128_t boot_id)
{
        Manifest *manifest = g_new(Manifest, 1);

        *manifest = (Manifest){
                .epoch = epoch,
                .boot_id = boot_id,
                .generations = g_ptr_array_new_with_free_func(generation_free),
        };
        return manifest;
}

Manifest *manifest_free(Manifest *manifest)
{
        if (!manifest)
                return NULL;

        g_ptr_array_unref(manifest->generations);
        g_free(manifest);
        return NULL;
}

static ManifestGeneration *generation_new(ManifestFile checkpoint)
{
        ManifestGeneration *generation = g_new(ManifestGeneration, 1);

        generation->checkpoint = checkpoint;
        generation->journals = g_array_new(FALSE, FALSE, sizeof(ManifestFile));
        return generation;
}

ManifestGeneration *manifest_add_generation(Manifest *manifest, ManifestFile checkpoint)
{
        ManifestGeneration *generation = generation_new(checkpoint);

        g_ptr_array_insert(manifest->generations, 0, generation);
        return generation;
}

ManifestGeneration *manifest_append_generation(Manifest *manifest, ManifestFile checkpoint)
{
        ManifestGeneration *generation = generation_new(checkpoint);

        g_ptr_array_add(manifest->generations, generation);
        return generation;
}

ManifestGeneration *manifest_generation(const Manifest *manifest, size_t age)
{
        return manifest->generations->pdata[age];
}

void manifest_generation_add_journal(ManifestGeneration *generation, ManifestFile journal)
{
        g_array_append_val(generation->journals, journal);
}

Manifest *manifest_copy(const Manifest *manifest)
{
        Manifest *copy = manifest_new(manifest->epoch, manifest->boot_id);

        copy->floor = manifest->floor;
        copy->reserved = manifest->reserved;
        copy->committed = manifest->committed;
        copy->void_first = manifest->void_first;
        copy->void_last = manifest->void_last;
        for (guint i = 0; i < manifest->generations->len; i++) {
                const ManifestGeneration *generation = manifest_generation(manifest, i);
                ManifestGeneration *twin = manifest_append_generation(copy, generation->checkpoint);

                g_array_append_vals(twin->journals, generation->journals->data,
                                    generation->journals->len);
        }

        return copy;
}

const ManifestFile *manifest_newest_journal(const Manifest *manifest)
{
        const GArray *journals = manifest_generation(manifest, 0)->journals;

        return &g_array_index(journals, ManifestFile, journals->len - 1);
}

uint64_t manifest_oldest_revision(const Manifest *manifest)
{
        guint n = manifest->generations->len;

        return n > 0 ? manifest_generation(manifest, n - 1)->checkpoint.revision : 0;
}

void manifest_begin_generation(Manifest *manifest, ManifestFile checkpoint)
{
        ManifestFile journal = *manifest_newest_journal(manifest);
        GArray *older = manifest_generation(manifest, 0)->journals;

        g_array_set_size(older, older->len - 1);
        manifest_generation_add_journal(manifest_add_generation(manifest, checkpoint), journal);
        /* One that had no other journal cannot be gone back to. */
        if (older->len == 0)
                g_ptr_array_set_size(manifest->generations, 1);
        if (manifest->generations->len > MANIFEST_GENERATIONS_MAX)
                g_ptr_array_set_size(manifest->generations, MANIFEST_GENERATIONS_MAX);
}

typedef enum Likeness {
        LIKENESS_UNKNOWN, /* the manifest names no such file */
        LIKENESS_SAME,
        LIKENESS_OTHER,
} Likeness;

static Likeness compare_file(const ManifestFile *file, const ManifestFile *named)
{
        if (sd_id128_is_null(file->uuid) || sd_id128_is_null(named->uuid) ||
            file->revision != named->revision)
                return LIKENESS_UNKNOWN;
        return sd_id128_equal(file->uuid, named->uuid) ? LIKENESS_SAME : LIKENESS_OTHER;
}

static Likeness likeness_of(const Manifest *named, const ManifestFile *file, gboolean is_journal)
{
        Likeness likeness = LIKENESS_UNKNOWN;

        for (guint i = 0; i < named->generations->len && likeness == LIKENESS_UNKNOWN; i++) {
                const ManifestGeneration *generation = manifest_generation(named, i);

                if (!is_journal)
                        likeness = compare_file(file, &generation->checkpoint);
                for (guint j = 0;
                     is_journal && j < generation->journals->len && likeness == LIKENESS_UNKNOWN;
                     j++)
                        likeness = compare_file(
                                file, &g_array_index(generation->journals, ManifestFile, j));
        }
        return likeness;
}

void manifest_compare(const Manifest *manifest,
                      const Manifest *named,
                      unsigned *ret_n_same,
                      unsigned *ret_n_others)
{
        unsigned counts[] = { 0, 0, 0 };

        for (guint i = 0; i < manifest->generations->len; i++) {
                const ManifestGeneration *generation = manifest_generation(manifest, i);

                counts[likeness_of(named, &generation->checkpoint, FALSE)]++;
                for (guint j = 0; j < generation->journals->len; j++)
                        counts[likeness_of(named,
                                           &g_array_index(generation->journals, ManifestFile, j),
                                           TRUE)]++;
        }
        *ret_n_same = counts[LIKENESS_SAME];
        *ret_n_others = counts[LIKENESS_OTHER];
}

static void leave_out_journals(ManifestGeneration *generation, const Manifest *named)
{
        for (guint i = generation->journals->len; i > 0; i--)
                if (likeness_of(named, &g_array_index(generation->journals, ManifestFile, i - 1),
                                TRUE) == LIKENESS_OTHER)
                        g_array_remove_index(generation->journals, i - 1);
}

void manifest_leave_out_others(Manifest *manifest, const Manifest *named)
{
        for (guint i = manifest->generations->len; i > 0; i--) {
                ManifestGeneration *generation = manifest_generation(manifest, i - 1);

                leave_out_journals(generation, named);
                if (likeness_of(named, &generation->checkpoint, FALSE) != LIKENESS_OTHER)
                        continue;
                if (i < manifest->generations->len)
                        g_array_append_vals(manifest_generation(manifest, i)->journals,
                                            generation->journals->data, generation->journals->len);
                g_ptr_array_remove_index(manifest->generations, i - 1);
        }
}

static gboolean generation_names(const ManifestGeneration *generation, const char *name)
{
        g_autofree char *checkpoint = manifest_checkpoint_name(generation->checkpoint.revision);

        if (!sd_id128_is_null(generation->checkpoint.uuid) && strcmp(checkpoint, name) == 0)
                return TRUE;

        for (guint i = 0; i < generation->journals->len; i++) {
                const ManifestFile *file = &g_array_index(generation->journals, ManifestFile, i);
                g_autofree char *journal = manifest_journal_name(file->revision);

                if (strcmp(journal, name) == 0)
                        return TRUE;
        }

        return FALSE;
}

gboolean manifest_names(const Manifest *manifest, const char *name)
{
        for (guint i = 0; i < manifest->generations->len; i++)
                if (generation_names(manifest_generation(manifest, i), name))
                        return TRUE;

        return FALSE;
}

char *manifest_checkpoint_name(uint64_t revision)
{
        return g_strdup_printf("checkpoint-%" G_GUINT64_FORMAT, revision);
}

char *manifest_journal_name(uint64_t revision)
{
        return g_strdup_printf("journal-%" G_GUINT64_FORMAT, revision);
}

static void append_file(GString *text, const ManifestFile *file)
{
        char uuid[SD_ID128_STRING_MAX];

        g_string_append_printf(text, "%" G_GUINT64_FORMAT ":%s", file->revision,
                               sd_id128_to_string(file->uuid, uuid));
}

static void append_generation(GString *text, const ManifestGeneration *generation, guint age)
{
        g_string_append_printf(text, "\n[Generation %u]\n", age);

        if (!sd_id128_is_null(generation->checkpoint.uuid)) {
                g_string_append(text, "Checkpoint=");
                append_file(text, &generation->checkpoint);
                g_string_append_c(text, '\n');
        }

        g_string_append(text, "Journals=");
        for (guint i = 0; i < generation->journals->len; i++) {
                append_file(text, &g_array_index(generation->journals, ManifestFile, i));
                g_string_append_c(text, ';');
        }
        g_string_append_c(text, '\n');
}

char *manifest_to_text(const Manifest *manifest)
{
        GString *text = g_string_new("[" GROUP "]\n");
        char epoch[SD_ID128_STRING_MAX], boot_id[SD_ID128_STRING_MAX];

        g_string_append_printf(text, "Format=%u\nFeatures=\nEpoch=%s\nBoot=%s\n", FORMAT_VERSION,
                               sd_id128_to_string(manifest->epoch, epoch),
                               sd_id128_to_string(manifest->boot_id, boot_id));
        g_string_append_printf(text,
                               "Floor=%" G_GUINT64_FORMAT "\nReserved=%" G_GUINT64_FORMAT
                               "\nCommitted=%" G_GUINT64_FORMAT "\n",
                               manifest->floor, manifest->reserved, manifest->committed);
        if (manifest->void_last > 0)
                g_string_append_printf(text, "Void=%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT "\n",
                                       manifest->void_first, manifest->void_last);
        for (guint i = 0; i < manifest->generations->len; i++)
                append_generation(text, manifest_generation(manifest, i), i);

        g_string_append_printf(text, CHECKSUM_COMMENT "%016" G_GINT64_MODIFIER "x\n",
                               (uint64_t) XXH3_64bits(text->str, text->len));
        return g_string_free(text, FALSE);
}

static int parse_id(const char *text, sd_id128_t *ret_id)
{
        return text && strlen(text) == 32 && sd_id128_from_string(text, ret_id) >= 0 ? 0 : -EBADMSG;
}

static int parse_number(const char *text, uint64_t *ret_number)
{
        return text && g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX, ret_number, NULL)
                       ? 0
                       : -EBADMSG;
}

static int parse_file(const char *text, ManifestFile *ret_file)
{
        g_auto(GStrv) parts = g_strsplit(text, ":", 3);

        if (g_strv_length(parts) != 2 || parse_number(parts[0], &ret_file->revision) < 0 ||
            parse_id(parts[1], &ret_file->uuid) < 0 || sd_id128_is_null(ret_file->uuid))
                return -EBADMSG;
        return 0;
}

static int get_id(GKeyFile *file, const char *key, sd_id128_t *ret_id)
{
        g_autofree char *text = g_key_file_get_value(file, GROUP, key, NULL);

        return parse_id(text, ret_id);
}

static int get_number(GKeyFile *file, const char *key, uint64_t *ret_number)
{
        g_autofree char *text = g_key_file_get_value(file, GROUP, key, NULL);

        return parse_number(text, ret_number);
}

static int get_void(GKeyFile *file, Manifest *manifest)
{
        g_autofree char *text = g_key_file_get_value(file, GROUP, "Void", NULL);
        g_auto(GStrv) parts = text ? g_strsplit(text, ":", 3) : NULL;

        if (!text)
                return 0;
        if (g_strv_length(parts) != 2 || parse_number(parts[0], &manifest->void_first) < 0 ||
            parse_number(parts[1], &manifest->void_last) < 0 ||
            manifest->void_first > manifest->void_last)
                return -EBADMSG;
        return 0;
}

static int get_journals(GKeyFile *file, const char *group, ManifestGeneration *generation)
{
        gsize n;
        g_auto(GStrv) journals = g_key_file_get_string_list(file, group, "Journals", &n, NULL);

        if (!journals || n == 0 || n > JOURNALS_MAX)
                return -EBADMSG;

        for (gsize i = 0; i < n; i++) {
                ManifestFile journal;

                if (parse_file(journals[i], &journal) < 0)
                        return -EBADMSG;
                manifest_generation_add_journal(generation, journal);
        }

        return 0;
}

static int get_generation(GKeyFile *file, const char *group, Manifest *manifest)
{
        g_autofree char *checkpoint = g_key_file_get_value(file, group, "Checkpoint", NULL);
        ManifestGeneration *generation = manifest_append_generation(manifest, (ManifestFile){ 0 });

        if (checkpoint && parse_file(checkpoint, &generation->checkpoint) < 0)
                return -EBADMSG;
        return get_journals(file, group, generation);
}

static int get_generations(GKeyFile *file, Manifest *manifest)
{
        for (guint age = 0; age < MANIFEST_GENERATIONS_MAX; age++) {
                g_autofree char *group = g_strdup_printf("Generation %u", age);
                int r;

                if (!g_key_file_has_group(file, group))
                        break;
                r = get_generation(file, group, manifest);
                if (r < 0)
                        return r;
        }

        return manifest->generations->len > 0 ? 0 : -EBADMSG;
}

/* The text must be exactly what it was when its last line was made. */
static int check_sum(const char *text, size_t n_bytes)
{
        g_autofree char *expected = NULL;
        size_t body;

        if (n_bytes <= CHECKSUM_BYTES || strlen(text) != n_bytes)
                return -EBADMSG;

        body = n_bytes - CHECKSUM_BYTES;
        expected = g_strdup_printf(CHECKSUM_COMMENT "%016" G_GINT64_MODIFIER "x\n",
                                   (uint64_t) XXH3_64bits(text, body));
        return strcmp(text + body, expected) == 0 ? 0 : -EBADMSG;
}

static int check_format(GKeyFile *file)
{
        g_autofree char *features = g_key_file_get_value(file, GROUP, "Features", NULL);
        uint64_t format;

        if (get_number(file, "Format", &format) < 0)
                return -EBADMSG;
        if (format < FORMAT_VERSION_OLDEST || format > FORMAT_VERSION)
                return MANIFEST_E_NEWER;
        return features && *features ? MANIFEST_E_NEWER : 0;
}

int manifest_format(const char *text, size_t n_bytes, uint64_t *ret_format, char **ret_features)
{
        g_autoptr(GKeyFile) file = g_key_file_new();

        if (check_sum(text, n_bytes) < 0 ||
            !g_key_file_load_from_data(file, text, n_bytes, G_KEY_FILE_NONE, NULL) ||
            get_number(file, "Format", ret_format) < 0)
                return -EBADMSG;
        *ret_features = g_key_file_get_value(file, GROUP, "Features", NULL);
        return 0;
}

int manifest_from_text(Manifest **ret_manifest, const char *text, size_t n_bytes)
{
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autoptr(Manifest) manifest = manifest_new(SD_ID128_NULL, SD_ID128_NULL);
        int r;

        r = check_sum(text, n_bytes);
        if (r < 0)
                return r;
        if (!g_key_file_load_from_data(file, text, n_bytes, G_KEY_FILE_NONE, NULL))
                return -EBADMSG;
        r = check_format(file);
        if (r != 0)
                return r;

        if (get_id(file, "Epoch", &manifest->epoch) < 0 ||
            get_id(file, "Boot", &manifest->boot_id) < 0 ||
            get_number(file, "Floor", &manifest->floor) < 0 ||
            get_number(file, "Reserved", &manifest->reserved) < 0 ||
            get_number(file, "Committed", &manifest->committed) < 0 || get_void(file, manifest) < 0)
                return -EBADMSG;
        r = get_generations(file, manifest);
        if (r < 0)
                return r;

        *ret_manifest = g_steal_pointer(&manifest);
        return 0;
}
