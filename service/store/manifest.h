/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Manifest
 *
 * Says which files hold the truth, and what was known when it was written: the second witness
 * beside the journal itself. A text file, replaced as a whole:
 *
 *     [Manifest]
 *     Format=3                  a later format than FORMAT_VERSION is refused
 *     Features=                 names of features a reader must know; none yet
 *     Epoch=, Boot=             128 bits each, hexadecimal
 *     Floor=                    revisions up to this are not given out again
 *     Reserved=                 revisions below this may be in use
 *     Committed=                the last revision known durable
 *     Void=FIRST:LAST           revisions that never came to be, though they may be found in a
 *                               journal of the runtime side; missing: none
 *     [Generation 0]            the newest, then [Generation 1]
 *     Checkpoint=REVISION:UUID  missing: the state began empty
 *     Journals=REVISION:UUID;…  since then, up to the next generation's; oldest first
 *     # XXH3 …                  checksum of all lines before
 */

#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-id128.h>

#define MANIFEST_NAME            "MANIFEST"
#define MANIFEST_BYTES_MAX       (1u << 20)
#define MANIFEST_GENERATIONS_MAX 2u

/* A journal or checkpoint. Its name on disk is made of its revision. */
typedef struct ManifestFile {
        uint64_t revision;
        sd_id128_t uuid; /* zero: no such file */
} ManifestFile;

typedef struct ManifestGeneration {
        ManifestFile checkpoint;
        GArray *journals; /* ManifestFile */
} ManifestGeneration;

typedef struct Manifest {
        sd_id128_t epoch;
        sd_id128_t boot_id;
        uint64_t floor;
        uint64_t reserved;
        uint64_t committed;
        uint64_t void_first, void_last; /* 0: none */
        GPtrArray *generations;         /* owned ManifestGeneration, newest first */
} Manifest;

enum {
        MANIFEST_E_NEWER = 1, /* written by a later version */
};

Manifest *manifest_new(sd_id128_t epoch, sd_id128_t boot_id);
Manifest *manifest_free(Manifest *manifest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Manifest, manifest_free)

/* Puts a new generation before the others, and returns it, borrowed. */
ManifestGeneration *manifest_add_generation(Manifest *manifest, ManifestFile checkpoint);
/* The same, behind the others. */
ManifestGeneration *manifest_append_generation(Manifest *manifest, ManifestFile checkpoint);
ManifestGeneration *manifest_generation(const Manifest *manifest, size_t age);
void manifest_generation_add_journal(ManifestGeneration *generation, ManifestFile journal);

Manifest *manifest_copy(const Manifest *manifest);

/* The newest of all journals. */
const ManifestFile *manifest_newest_journal(const Manifest *manifest);

/* What the oldest checkpoint holds; 0: the state began empty. */
uint64_t manifest_oldest_revision(const Manifest *manifest);

/*
 * @checkpoint and the newest journal become a generation, and those before the one that had been
 * the newest are forgotten.
 */
void manifest_begin_generation(Manifest *manifest, ManifestFile checkpoint);

/*
 * How many files of @manifest @named names too, and in place of how many it names others of the same
 * name.
 */
void manifest_compare(const Manifest *manifest,
                      const Manifest *named,
                      unsigned *ret_n_same,
                      unsigned *ret_n_others);

/* Takes those others out of @manifest. Journals behind a checkpoint become the older generation's. */
void manifest_leave_out_others(Manifest *manifest, const Manifest *named);

/* Whether a file in the directory is one of those it names. */
gboolean manifest_names(const Manifest *manifest, const char *name);

char *manifest_to_text(const Manifest *manifest);

/* 0, -EBADMSG, or MANIFEST_E_NEWER. */
int manifest_from_text(Manifest **ret_manifest, const char *text, size_t n_bytes);

/* The format it says, and the features a reader must know (owned). 0, or -EBADMSG when it is not whole. */
int manifest_format(const char *text, size_t n_bytes, uint64_t *ret_format, char **ret_features);

/* "checkpoint-REVISION" and "journal-REVISION". */
char *manifest_checkpoint_name(uint64_t revision);
char *manifest_journal_name(uint64_t revision);
