/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view-hammer: what test_view_readers.py has read a view, in a thread without Python
 *
 * Each commit gives "a" and "b" one number, ever larger, and "words" an array of it, as long as the number says. Values
 * are never torn, never older than what was read before or acknowledged before the read began, and in a snapshot of one
 * commit.
 */

#include "client/view-reader.h"

#include <errno.h>

#define WORDS_MAX  24u
#define LOOK_EVERY 1024u

/* As in test_view_readers.py. */
typedef struct Hammer {
        const ViewReader *reader;
        const uint64_t *acknowledged; /* stored by another thread */
        uint64_t last;                /* read, in this view or one before */
        uint64_t n_reads_max;
        uint64_t n_reads; /* added up, as is the next */
        uint64_t n_snapshots;
} Hammer;

enum {
        HAMMER_E_ENDED = 1, /* the view is not live any more */
};

int view_hammer(Hammer *hammer);

static bool is_live(const ViewReader *reader)
{
        return !view_reader_is_orphaned(reader) && view_reader_state(reader) == REGENT_VIEW_LIVE;
}

/* The number that "words" is of. */
static int read_words(const ViewReader *reader, uint64_t *ret_number)
{
        const uint64_t *words;
        ViewEntry entry;
        int r;

        r = view_reader_get(reader, "words", 5, &entry);
        if (r < 0)
                return r;

        words = entry.value;
        if (entry.value_bytes < 8 || entry.value_bytes != 8 * (1 + words[0] % WORDS_MAX))
                return -EILSEQ;
        for (uint32_t i = 1; i < entry.value_bytes / 8; i++)
                if (words[i] != words[0])
                        return -EILSEQ;
        *ret_number = words[0];
        return 0;
}

static int read_once(Hammer *hammer)
{
        const ViewReader *reader = hammer->reader;
        uint64_t acknowledged = __atomic_load_n(hammer->acknowledged, __ATOMIC_ACQUIRE);
        uint64_t a, b, words;
        uint32_t sequence;
        bool is_snapshot = view_reader_begin(reader, &sequence) == 0;
        int r;

        r = view_reader_get_fixed(reader, "a", "t", &a, sizeof a);
        if (r == 0)
                r = view_reader_get_fixed(reader, "b", "t", &b, sizeof b);
        if (r == 0)
                r = read_words(reader, &words);
        if (r < 0)
                return r;

        if (is_snapshot && view_reader_is_whole(reader, sequence)) {
                if (a != b || a != words)
                        return -EILSEQ;
                hammer->n_snapshots++;
        }
        if (a < hammer->last)
                return -ESTALE;
        if (a < acknowledged && is_live(reader))
                return -ESTALE;
        hammer->last = a;
        return 0;
}

/* 0 when there were as many reads as wanted, HAMMER_E_ENDED, or what is wrong with one, negative. */
int view_hammer(Hammer *hammer)
{
        uint64_t end = hammer->n_reads + hammer->n_reads_max;

        while (hammer->n_reads < end) {
                for (unsigned i = 0; i < LOOK_EVERY; i++) {
                        int r = read_once(hammer);

                        if (r < 0)
                                return r;
                }
                hammer->n_reads += UINT64_C(3) * LOOK_EVERY;
                if (!is_live(hammer->reader))
                        return HAMMER_E_ENDED;
        }
        return 0;
}
