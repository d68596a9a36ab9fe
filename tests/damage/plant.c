/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plant
 */

#include "plant.h"

#include "store/evidence.h"
#include "store/journal-reader.h"
#include "store/recovery-scan.h"

#include <string.h>

static Plant planted;

void plant(Plant bug)
{
        planted = bug;
}

int __real_record_verify(Record *ret_record, const void *bytes, sd_id128_t uuid, uint64_t offset);
int __wrap_record_verify(Record *ret_record, const void *bytes, sd_id128_t uuid, uint64_t offset);

int __wrap_record_verify(Record *ret_record, const void *bytes, sd_id128_t uuid, uint64_t offset)
{
        int r = __real_record_verify(ret_record, bytes, uuid, offset);
        RecordHeader header;

        if (r == 0 || planted != PLANT_NO_CHECKSUM)
                return r;
        memcpy(&header, bytes, sizeof header);
        *ret_record = (Record){
                .header = header,
                .offset = offset,
                .payload = (const uint8_t *) bytes + sizeof header,
        };
        memcpy(&ret_record->checksum,
               (const uint8_t *) bytes + header.length - sizeof ret_record->checksum,
               sizeof ret_record->checksum);
        return 0;
}

int __real_journal_read(const StoreDirectory *directory,
                        const JournalExpectation *expectation,
                        JournalSink sink,
                        void *userdata,
                        JournalFindings *ret_findings);
int __wrap_journal_read(const StoreDirectory *directory,
                        const JournalExpectation *expectation,
                        JournalSink sink,
                        void *userdata,
                        JournalFindings *ret_findings);

int __wrap_journal_read(const StoreDirectory *directory,
                        const JournalExpectation *expectation,
                        JournalSink sink,
                        void *userdata,
                        JournalFindings *ret_findings)
{
        int r = __real_journal_read(directory, expectation, sink, userdata, ret_findings);

        if (planted == PLANT_TEAR && r == 0 && ret_findings->end == JOURNAL_DAMAGED &&
            ret_findings->dirty_end >= ret_findings->position.offset &&
            ret_findings->position.offset > 0)
                ret_findings->end = JOURNAL_TORN;
        return r;
}

int __real_evidence_keep(const StoreDirectory *directory,
                         const StoreDirectory *from,
                         const char *label,
                         GPtrArray *names);
int __wrap_evidence_keep(const StoreDirectory *directory,
                         const StoreDirectory *from,
                         const char *label,
                         GPtrArray *names);

int __wrap_evidence_keep(const StoreDirectory *directory,
                         const StoreDirectory *from,
                         const char *label,
                         GPtrArray *names)
{
        return planted == PLANT_NO_EVIDENCE ? 0
                                            : __real_evidence_keep(directory, from, label, names);
}

int __real_recovery_scan_is_outdated(const StoreDirectory *directory,
                                     const Manifest *manifest,
                                     bool *ret_is_outdated);
int __wrap_recovery_scan_is_outdated(const StoreDirectory *directory,
                                     const Manifest *manifest,
                                     bool *ret_is_outdated);

int __wrap_recovery_scan_is_outdated(const StoreDirectory *directory,
                                     const Manifest *manifest,
                                     bool *ret_is_outdated)
{
        int r = __real_recovery_scan_is_outdated(directory, manifest, ret_is_outdated);

        if (planted == PLANT_OLD_MANIFEST && r == 0)
                *ret_is_outdated = false;
        return r;
}
