/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Survey
 *
 * A journal ends where the next one says that it does: one that was cut off between two records looks
 * whole. Only with a manifest it is known which one is the next.
 */

#include "store/survey.h"

#include "store/checkpoint-file.h"
#include "store/journal-reader.h"
#include "store/record-reader.h"
#include "store/recovery-scan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct Survey {
        const Side *side;
        const Manifest *manifest; /* NULL: it is lost */
        uint64_t newest;          /* revision of the newest journal */
} Survey;

/* Which of @files has that revision, if one does. */
static bool find_in(const GArray *files, uint64_t revision, ManifestFile *ret_file)
{
        for (guint i = 0; i < files->len; i++)
                if (g_array_index(files, ManifestFile, i).revision == revision) {
                        *ret_file = g_array_index(files, ManifestFile, i);
                        return true;
                }
        return false;
}

/* What the manifest says of a file of that kind and revision counts more than its own header. */
static ManifestFile expected_file(const Survey *survey, const ScannedFile *found)
{
        ManifestFile file = found->file;

        for (guint age = 0; survey->manifest && age < survey->manifest->generations->len; age++) {
                const ManifestGeneration *generation = manifest_generation(survey->manifest, age);

                if (found->kind == SCAN_JOURNAL) {
                        if (find_in(generation->journals, file.revision, &file))
                                break;
                } else if (generation->checkpoint.revision == file.revision &&
                           !sd_id128_is_null(generation->checkpoint.uuid)) {
                        return generation->checkpoint;
                }
        }
        return file;
}

static int pass_over(void *userdata G_GNUC_UNUSED, const Record *record G_GNUC_UNUSED)
{
        return 0;
}

static int read_journal(const Survey *survey, ManifestFile file, JournalFindings *ret_findings)
{
        const JournalExpectation expectation = {
                .file = file,
                .is_newest = file.revision == survey->newest,
                .committed = survey->manifest ? survey->manifest->committed : 0,
                .least_bytes = side_fill_bytes(survey->side),
        };

        return journal_read(survey->side->directory, &expectation, pass_over, NULL, ret_findings);
}

/* The journal that was begun behind @revision; of revision 0 when it is not known. */
static ManifestFile next_journal(const Survey *survey, uint64_t revision)
{
        ManifestFile next = { 0 };

        for (guint age = 0; survey->manifest && age < survey->manifest->generations->len; age++) {
                const GArray *journals = manifest_generation(survey->manifest, age)->journals;

                for (guint i = 0; i < journals->len; i++) {
                        ManifestFile journal = g_array_index(journals, ManifestFile, i);

                        if (journal.revision > revision &&
                            (next.revision == 0 || journal.revision < next.revision))
                                next = journal;
                }
        }
        return next;
}

/* Whether the one that follows says that there was more. */
static bool is_end_missing(const Survey *survey, uint64_t revision, uint64_t link)
{
        const StoreDirectory *directory = survey->side->directory;
        ManifestFile next = next_journal(survey, revision);
        g_autofree char *name = manifest_journal_name(next.revision);
        g_autoptr(RecordReader) reader = NULL;
        const FileHeader *header;
        int fd;

        if (next.revision == 0)
                return false;
        fd = directory_open_file(directory, name);
        if (fd < 0)
                return false;
        if (record_reader_new(&reader, directory->io, fd, FORMAT_MAGIC_JOURNAL) != 0) {
                close(fd);
                return false;
        }
        close(fd);

        header = record_reader_header(reader);
        return memcmp(header->uuid, &next.uuid, sizeof header->uuid) == 0 &&
               header->base_revision == next.revision && header->predecessor != link;
}

static const char *judge_journal(const Survey *survey, ManifestFile file)
{
        JournalFindings findings;

        if (read_journal(survey, file, &findings) != 0)
                return NULL;
        if (findings.end == JOURNAL_DAMAGED)
                return findings.reason;
        if (findings.end == JOURNAL_UNCLEAN)
                return "an older journal does not end cleanly";
        return is_end_missing(survey, file.revision, findings.position.previous)
                       ? "the end of a journal is missing"
                       : NULL;
}

static const char *judge(const Survey *survey, const char *name)
{
        ScannedFile found;
        ManifestFile file;

        if (recovery_scan_identify(survey->side->directory, name, &found) != 0)
                return NULL;

        file = expected_file(survey, &found);
        switch (found.kind) {
        case SCAN_OTHER:
                break;
        case SCAN_STRANGER:
                return "it is not what it is called";
        case SCAN_CHECKPOINT:
                if (checkpoint_verify(survey->side->directory, &file) == -EBADMSG)
                        return "a checkpoint is damaged";
                break;
        case SCAN_JOURNAL:
                return judge_journal(survey, file);
        }
        return NULL;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Which journal is the newest only a manifest knows for certain. */
static uint64_t newest_journal(const Survey *survey, const GPtrArray *names)
{
        const StoreDirectory *directory = survey->side->directory;
        uint64_t newest = 0;
        ScannedFile found;

        if (survey->manifest)
                return manifest_newest_journal(survey->manifest)->revision;
        for (guint i = 0; i < names->len; i++)
                if (recovery_scan_identify(directory, names->pdata[i], &found) == 0 &&
                    found.kind == SCAN_JOURNAL)
                        newest = MAX(newest, found.file.revision);
        return newest;
}

void survey_side(const Side *side, const Manifest *manifest, SurveyVisitor visitor, void *userdata)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        Survey survey = { .side = side, .manifest = manifest };

        if (io_list(side->directory->io, side->directory->fd, names) < 0)
                return;
        g_ptr_array_sort(names, compare_names);
        survey.newest = newest_journal(&survey, names);

        for (guint i = 0; i < names->len; i++) {
                const char *damage = judge(&survey, names->pdata[i]);

                if (damage)
                        visitor(userdata, names->pdata[i], damage);
        }
}
