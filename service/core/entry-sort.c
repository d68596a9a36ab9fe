/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry sort
 */

#include "core/entry-sort.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_ITEMS_MIN ((size_t) 512)

static int compare_numbers(const void *a, const void *b)
{
        uint64_t first = ((const EntryItem *) a)->number;
        uint64_t second = ((const EntryItem *) b)->number;

        return (first > second) - (first < second);
}

static uint8_t digit_of(const EntryItem *item, unsigned place)
{
        return (uint8_t) (item->number >> 8 * place);
}

/* By one digit, from @items to @sorted. */
static void sort_by_digit(const EntryItem *items, EntryItem *sorted, size_t n, unsigned place)
{
        size_t ends[256] = { 0 };

        for (size_t i = 0; i < n; i++)
                ends[digit_of(&items[i], place)]++;

        for (size_t i = 1; i < G_N_ELEMENTS(ends); i++)
                ends[i] += ends[i - 1];
        for (size_t i = n; i-- > 0;)
                sorted[--ends[digit_of(&items[i], place)]] = items[i];
}

/* The bits that are not the same in all. */
static uint64_t differences(const EntryItem *items, size_t n)
{
        uint64_t differing = 0;

        for (size_t i = 1; i < n; i++)
                differing |= items[i].number ^ items[0].number;
        return differing;
}

/* From the last digit to the first, each leaving those that are equal in it in the order before. */
static void sort_by_digits(EntryItem *items, size_t n, EntryItem *spare)
{
        g_autofree EntryItem *own = spare ? NULL : g_new(EntryItem, n);
        EntryItem *from = items, *to = spare ? spare : own;

        for (uint64_t left = differences(items, n), place = 0; left > 0; left >>= 8, place++)
                if (left & UINT8_MAX) {
                        EntryItem *sorted = to;

                        sort_by_digit(from, sorted, n, (unsigned) place);
                        to = from;
                        from = sorted;
                }
        if (from != items)
                memcpy(items, from, n * sizeof *items);
}

void entry_sort(EntryItem *items, size_t n, EntryItem *spare)
{
        if (n == 0)
                return;
        if (n < DIGITS_ITEMS_MIN)
                qsort(items, n, sizeof *items, compare_numbers);
        else
                sort_by_digits(items, n, spare);
}
