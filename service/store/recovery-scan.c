/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery scan
 */

#include "store/recovery-scan.h"

#include "store/record-reader.h"

#include <string.h>
#include <unistd.h>

typedef struct Scan {
        const StoreDirectory *directory;
        GArray *checkpoints, *journals; /* ManifestFile */
        uint64_t newest;                /* revision of a journal */
        sd_id128_t boot_id;             /* its boot */
        GPtrArray *strangers;           /* owned names, or NULL */
} Scan;

/* The name that a file of this kind and revision has. */
static char *name_of(ScanKind kind, uint64_t revision)
{
        return kind == SCAN_JOURNAL ? manifest_journal_name(revision)
                                    : manifest_checkpoint_name(revision);
}

static ScanKind kind_by_name(const char *name, uint64_t *ret_revision)
{
        ScanKind kind = g_str_has_prefix(name, "journal-")      ? SCAN_JOURNAL
                        : g_str_has_prefix(name, "checkpoint-") ? SCAN_CHECKPOINT
                                                                : SCAN_OTHER;
        g_autofree char *canonical = NULL;

        if (kind == SCAN_OTHER)
                return kind;
        *ret_revision = g_ascii_strtoull(strchr(name, '-') + 1, NULL, 10);
        canonical = name_of(kind, *ret_revision);
        return strcmp(canonical, name) == 0 ? kind : SCAN_OTHER;
}

static int read_header(const StoreDirectory *directory,
                       const char *name,
                       ScanKind kind,
                       FileHeader *ret_header)
{
        g_autoptr(RecordReader) reader = NULL;
        int fd, r;

        fd = directory_open_file(directory, name);
        if (fd < 0)
                return fd;
        r = record_reader_new(&reader, directory->io, fd,
                              kind == SCAN_JOURNAL ? FORMAT_MAGIC_JOURNAL
                                                   : FORMAT_MAGIC_CHECKPOINT);
        close(fd);
        if (r == 0)
                *ret_header = *record_reader_header(reader);
        return r;
}

int recovery_scan_identify(const StoreDirectory *directory, const char *name, ScannedFile *ret_file)
{
        uint64_t revision = 0;
        ScannedFile file = { .kind = kind_by_name(name, &revision) };
        FileHeader header;
        int r = RECORD_E_NONE;

        if (file.kind != SCAN_OTHER)
                r = read_header(directory, name, file.kind, &header);
        if (r == RECORD_E_NEWER)
                return MANIFEST_E_NEWER;
        if (r < 0 && io_is_refusal(r))
                return r;

        if (r == 0 && header.base_revision == revision) {
                file.file.revision = revision;
                memcpy(&file.file.uuid, header.uuid, sizeof file.file.uuid);
                memcpy(&file.boot_id, header.boot_id, sizeof file.boot_id);
        } else if (file.kind != SCAN_OTHER) {
                file.kind = SCAN_STRANGER;
        }
        *ret_file = file;
        return 0;
}

static int add_file(Scan *scan, const char *name)
{
        ScannedFile file;
        int r;

        r = recovery_scan_identify(scan->directory, name, &file);
        if (r != 0)
                return r;

        switch (file.kind) {
        case SCAN_OTHER:
                break;
        case SCAN_CHECKPOINT:
                g_array_append_val(scan->checkpoints, file.file);
                break;
        case SCAN_JOURNAL:
                g_array_append_val(scan->journals, file.file);
                if (file.file.revision >= scan->newest) {
                        scan->newest = file.file.revision;
                        scan->boot_id = file.boot_id;
                }
                break;
        case SCAN_STRANGER:
                if (scan->strangers)
                        g_ptr_array_add(scan->strangers, g_strdup(name));
                break;
        }
        return 0;
}

static int add_files(Scan *scan)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r;

        r = io_list(scan->directory->io, scan->directory->fd, names);
        for (guint i = 0; i < names->len && r == 0; i++)
                r = add_file(scan, names->pdata[i]);
        return r;
}

static gint compare_files(gconstpointer a, gconstpointer b)
{
        const ManifestFile *first = a, *second = b;

        return first->revision < second->revision ? -1 : first->revision > second->revision;
}

/*
 * A checkpoint may have kept the journal before it, which was empty then. Whether it did the journal's
 * records say.
 */
static void add_kept_journal(ManifestGeneration *generation, const Scan *scan)
{
        const ManifestFile *kept = NULL;

        for (guint i = 0; i < scan->journals->len; i++) {
                const ManifestFile *journal = &g_array_index(scan->journals, ManifestFile, i);

                if (journal->revision <= generation->checkpoint.revision)
                        kept = journal;
        }
        if (kept)
                manifest_generation_add_journal(generation, *kept);
}

/* The journals from @from on and before @to become a generation, older than those so far. */
static void add_generation(Manifest *manifest,
                           const Scan *scan,
                           ManifestFile checkpoint,
                           uint64_t to)
{
        ManifestGeneration *generation = manifest_append_generation(manifest, checkpoint);
        bool has_checkpoint = !sd_id128_is_null(checkpoint.uuid);

        if (has_checkpoint)
                add_kept_journal(generation, scan);
        for (guint i = 0; i < scan->journals->len; i++) {
                ManifestFile journal = g_array_index(scan->journals, ManifestFile, i);

                if ((journal.revision > checkpoint.revision || !has_checkpoint) &&
                    journal.revision < to)
                        manifest_generation_add_journal(generation, journal);
        }
}

static void add_generations(Manifest *manifest, const Scan *scan)
{
        uint64_t to = UINT64_MAX;

        for (guint i = scan->checkpoints->len; i > 0; i--) {
                ManifestFile checkpoint = g_array_index(scan->checkpoints, ManifestFile, i - 1);

                add_generation(manifest, scan, checkpoint, to);
                to = checkpoint.revision;
        }

        /* The first generation of all has no checkpoint; or one is missing. */
        if (scan->journals->len > 0 && g_array_index(scan->journals, ManifestFile, 0).revision < to)
                add_generation(manifest, scan, (ManifestFile){ 0 }, to);
}

int recovery_scan(const StoreDirectory *directory, Manifest **ret_manifest, GPtrArray *strangers)
{
        g_autoptr(GArray) checkpoints = g_array_new(FALSE, FALSE, sizeof(ManifestFile));
        g_autoptr(GArray) journals = g_array_new(FALSE, FALSE, sizeof(ManifestFile));
        Scan scan = {
                .directory = directory,
                .checkpoints = checkpoints,
                .journals = journals,
                .strangers = strangers,
        };
        int r;

        r = add_files(&scan);
        if (r != 0)
                return r;

        g_array_sort(checkpoints, compare_files);
        g_array_sort(journals, compare_files);
        *ret_manifest = manifest_new(SD_ID128_NULL, scan.boot_id);
        add_generations(*ret_manifest, &scan);
        return 0;
}

static int holds_commits(const StoreDirectory *directory, uint64_t revision, bool *ret_holds)
{
        g_autofree char *name = manifest_journal_name(revision);
        g_autoptr(RecordReader) reader = NULL;
        Record record;
        int fd, r;

        fd = directory_open_file(directory, name);
        if (fd < 0)
                return fd;
        r = record_reader_new(&reader, directory->io, fd, FORMAT_MAGIC_JOURNAL);
        if (r == 0)
                r = record_reader_find(reader, record_reader_position(reader).offset, &record);
        close(fd);
        if (r < 0)
                return r;

        *ret_holds = r == 0;
        return 0;
}

int recovery_scan_is_outdated(const StoreDirectory *directory,
                              const Manifest *manifest,
                              bool *ret_is_outdated)
{
        g_autoptr(Manifest) found = NULL;
        const ManifestGeneration *newest;
        uint64_t known = manifest_newest_journal(manifest)->revision;
        bool is_outdated = false;
        int r;

        r = recovery_scan(directory, &found, NULL);
        if (r != 0)
                return r;

        newest = found->generations->len > 0 ? manifest_generation(found, 0) : NULL;
        for (guint i = 0; newest && i < newest->journals->len && !is_outdated; i++) {
                uint64_t revision = g_array_index(newest->journals, ManifestFile, i).revision;

                if (revision <= known)
                        continue;
                r = holds_commits(directory, revision, &is_outdated);
                if (r < 0)
                        return r;
        }

        *ret_is_outdated = is_outdated;
        return 0;
}
