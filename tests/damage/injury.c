/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Injury
 */

#include "injury.h"

#include "store/format.h"

#include <string.h>
#include <xxhash.h>

typedef struct Visit {
        const History *history, *other;
        unsigned step;
        unsigned n_flips;
        InjuryVisitor visitor;
        void *userdata;
} Visit;

/* Tells the visitor of the site with @path holding @bytes, which it takes, instead. */
static void tell(Visit *visit, const char *path, GBytes *bytes, const char *what, guint64 number)
{
        g_autoptr(Site) damaged = site_copy(visit->history->site);
        g_autofree char *text = g_strdup_printf("%s: %s: %s %" G_GUINT64_FORMAT,
                                                visit->history->name, path, what, number);

        site_put(damaged, path, bytes);
        visit->visitor(visit->userdata, text, damaged);
}

/* A copy that may be changed. */
static uint8_t *bytes_of(const Visit *visit, const char *path, gsize *ret_n)
{
        GBytes *bytes = site_get(visit->history->site, path);
        const void *data = g_bytes_get_data(bytes, ret_n);

        return g_memdup2(data, *ret_n);
}

/* How many there are up to the last that is not zero. */
static gsize used_bytes(const Visit *visit, const char *path)
{
        g_autofree uint8_t *bytes = NULL;
        gsize n;

        bytes = bytes_of(visit, path, &n);
        while (n > 0 && bytes[n - 1] == 0)
                n--;
        return n;
}

/* Where the records of a file begin, and where the last ends. */
static GArray *boundaries(const Visit *visit, const char *path)
{
        GArray *offsets = g_array_new(FALSE, FALSE, sizeof(gsize));
        gsize n, offset = sizeof(FileHeader);
        const uint8_t *bytes = g_bytes_get_data(site_get(visit->history->site, path), &n);

        if (g_str_has_suffix(path, "MANIFEST")) {
                for (gsize i = 0; i < n; i++)
                        if (bytes[i] == '\n') {
                                gsize next = i + 1;

                                g_array_append_val(offsets, next);
                        }
                return offsets;
        }
        while (offset <= n) {
                RecordHeader header = { 0 };

                g_array_append_val(offsets, offset);
                if (offset + sizeof header <= n)
                        memcpy(&header, bytes + offset, sizeof header);
                if (header.magic != GUINT32_TO_LE(FORMAT_RECORD_MAGIC))
                        break;
                offset += GUINT32_FROM_LE(header.length);
        }
        return offsets;
}

typedef void (*PathVisit)(Visit *visit, const char *path);

static void for_each_path(Visit *visit, PathVisit visit_path)
{
        g_autoptr(GPtrArray) paths = site_paths(visit->history->site);

        for (guint i = 0; i < paths->len; i++)
                visit_path(visit, paths->pdata[i]);
}

static void flip(Visit *visit, const char *path, gsize offset)
{
        gsize n;
        uint8_t *bytes = bytes_of(visit, path, &n);

        bytes[offset] ^= (uint8_t) (1u << (visit->n_flips++ % 8));
        tell(visit, path, g_bytes_new_take(bytes, n), "flip in byte", offset);
}

static void flip_path(Visit *visit, const char *path)
{
        gsize n = g_bytes_get_size(site_get(visit->history->site, path));
        gsize n_used = used_bytes(visit, path);

        for (gsize i = visit->n_flips % visit->step; i < n_used; i += visit->step)
                flip(visit, path, i);
        for (gsize i = n_used; i < n; i += (n - n_used) / 3 + 1)
                flip(visit, path, i);
}

static void flips(const History *history,
                  const History *other,
                  unsigned step,
                  InjuryVisitor visitor,
                  void *userdata)
{
        Visit visit = { history, other, step, 0, visitor, userdata };

        for_each_path(&visit, flip_path);
}

static void lose_sector(Visit *visit, const char *path, gsize offset, gsize size, bool is_garbage)
{
        g_autoptr(GRand) rand = g_rand_new_with_seed((guint32) (offset + size));
        gsize n;
        uint8_t *bytes = bytes_of(visit, path, &n);

        for (gsize i = offset; i < MIN(n, offset + size); i++)
                bytes[i] = is_garbage ? (uint8_t) g_rand_int(rand) : 0;
        tell(visit, path, g_bytes_new_take(bytes, n), is_garbage ? "garbage at" : "zeros at",
             offset);
}

static void sectors_path(Visit *visit, const char *path)
{
        static const gsize sizes[] = { 512, 4096 };
        gsize n = g_bytes_get_size(site_get(visit->history->site, path));
        gsize n_used = used_bytes(visit, path);

        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
                for (gsize at = 0; at < n_used; at += sizes[i]) {
                        lose_sector(visit, path, at, sizes[i], false);
                        lose_sector(visit, path, at, sizes[i], true);
                }
                if (n > n_used + 2 * sizes[i])
                        lose_sector(visit, path, (n_used / sizes[i] + 2) * sizes[i], sizes[i],
                                    true);
        }
}

static void sectors(const History *history,
                    const History *other,
                    unsigned step,
                    InjuryVisitor visitor,
                    void *userdata)
{
        Visit visit = { history, other, step, 0, visitor, userdata };

        for_each_path(&visit, sectors_path);
}

static void cut(Visit *visit, const char *path, gsize n)
{
        GBytes *whole = site_get(visit->history->site, path);

        if (n < g_bytes_get_size(whole))
                tell(visit, path, g_bytes_new_from_bytes(whole, 0, n), "cut off at", n);
}

static void cuts_path(Visit *visit, const char *path)
{
        g_autoptr(GArray) offsets = boundaries(visit, path);
        gsize n = g_bytes_get_size(site_get(visit->history->site, path));

        tell(visit, path, NULL, "deleted", 0);
        cut(visit, path, 0);
        cut(visit, path, sizeof(FileHeader) / 2);
        for (guint i = 0; i < offsets->len; i++) {
                gsize offset = g_array_index(offsets, gsize, i);

                cut(visit, path, offset - 1);
                cut(visit, path, offset);
                cut(visit, path, offset + 1);
                cut(visit, path, offset + sizeof(RecordHeader) + 4);
        }
        cut(visit, path, n / 2);
        cut(visit, path, n - 1);
}

static void cuts(const History *history,
                 const History *other,
                 unsigned step,
                 InjuryVisitor visitor,
                 void *userdata)
{
        Visit visit = { history, other, step, 0, visitor, userdata };

        for_each_path(&visit, cuts_path);
}

/* @n bytes at @at are put in, or taken away. */
static void shift(Visit *visit, const char *path, gsize at, gsize n, bool is_in)
{
        gsize n_bytes;
        g_autofree uint8_t *bytes = bytes_of(visit, path, &n_bytes);
        g_autoptr(GByteArray) moved = g_byte_array_new();
        g_autofree uint8_t *zeros = g_malloc0(n);

        g_byte_array_append(moved, bytes, (guint) at);
        if (is_in)
                g_byte_array_append(moved, zeros, (guint) n);
        else
                at = MIN(n_bytes, at + n);
        g_byte_array_append(moved, bytes + at, (guint) (n_bytes - at));
        tell(visit, path, g_byte_array_free_to_bytes(g_steal_pointer(&moved)),
             is_in ? "moved up by" : "moved down by", n);
}

static void shifts_path(Visit *visit, const char *path)
{
        static const gsize amounts[] = { 1, 8, 512, 4096 };
        g_autoptr(GArray) offsets = boundaries(visit, path);

        for (size_t i = 0; i < G_N_ELEMENTS(amounts); i++) {
                shift(visit, path, 0, amounts[i], true);
                shift(visit, path, 0, amounts[i], false);
                for (guint j = 0; j < offsets->len; j += 2) {
                        shift(visit, path, g_array_index(offsets, gsize, j), amounts[i], true);
                        shift(visit, path, g_array_index(offsets, gsize, j), amounts[i], false);
                }
        }
}

/* Each record once more behind itself: in the place of what follows, and before it. */
static void doubles_path(Visit *visit, const char *path)
{
        g_autoptr(GArray) offsets = boundaries(visit, path);

        for (guint i = 0; i + 1 < offsets->len; i++) {
                gsize begin = g_array_index(offsets, gsize, i);
                gsize end = g_array_index(offsets, gsize, i + 1);
                gsize n, length = end - begin;
                uint8_t *bytes = bytes_of(visit, path, &n);
                g_autoptr(GByteArray) longer = g_byte_array_new();

                g_byte_array_append(longer, bytes, (guint) end);
                g_byte_array_append(longer, bytes + begin, (guint) length);
                g_byte_array_append(longer, bytes + end, (guint) (n - end));
                memmove(bytes + end, bytes + begin, MIN(length, n - end));
                tell(visit, path, g_bytes_new_take(bytes, n), "the next record overwritten by", i);
                tell(visit, path, g_byte_array_free_to_bytes(g_steal_pointer(&longer)),
                     "doubled record", i);
        }
}

static void shifts(const History *history,
                   const History *other,
                   unsigned step,
                   InjuryVisitor visitor,
                   void *userdata)
{
        Visit visit = { history, other, step, 0, visitor, userdata };

        for_each_path(&visit, shifts_path);
        for_each_path(&visit, doubles_path);
}

static void mix(Visit *visit, const char *from, const char *to, bool is_swap)
{
        g_autoptr(Site) damaged = site_copy(visit->history->site);
        g_autofree char *what = g_strdup_printf("%s: %s %s %s", visit->history->name, from,
                                                is_swap ? "swapped with" : "copied to", to);

        site_put(damaged, to, g_bytes_ref(site_get(visit->history->site, from)));
        if (is_swap)
                site_put(damaged, from, g_bytes_ref(site_get(visit->history->site, to)));
        visit->visitor(visit->userdata, what, damaged);
}

static void mixes(const History *history,
                  const History *other,
                  unsigned step,
                  InjuryVisitor visitor,
                  void *userdata)
{
        Visit visit = { history, other, step, 0, visitor, userdata };
        g_autoptr(GPtrArray) paths = site_paths(history->site);

        for (guint i = 0; i < paths->len; i++)
                for (guint j = 0; j < paths->len; j++) {
                        if (i != j)
                                mix(&visit, paths->pdata[i], paths->pdata[j], false);
                        if (i < j)
                                mix(&visit, paths->pdata[i], paths->pdata[j], true);
                }
}

/* Files as they were at an earlier time, or as another store has them. */
static void older(const History *history,
                  const History *other,
                  unsigned step,
                  InjuryVisitor visitor,
                  void *userdata)
{
        Visit visit = { history, other, step, 0, visitor, userdata };

        for (guint i = 0; i <= history->older->len; i++) {
                const Site *from = i < history->older->len ? history->older->pdata[i] : other->site;
                g_autoptr(GPtrArray) paths = site_paths(from);

                for (guint j = 0; j < paths->len; j++) {
                        const char *path = paths->pdata[j];

                        if (!site_agrees(history->site, from, path))
                                tell(&visit, path, g_bytes_ref(site_get(from, path)),
                                     i < history->older->len ? "older copy" : "another store's", i);
                }
        }
}

typedef enum Harm {
        HARM_DELETED,
        HARM_HEADER,
        HARM_MIDDLE,
        HARM_EMPTIED,
        N_HARMS,
} Harm;

static GBytes *harm(const Visit *visit, const char *path, Harm how)
{
        gsize n_used = used_bytes(visit, path), n;
        uint8_t *bytes;

        if (how == HARM_DELETED)
                return NULL;
        bytes = bytes_of(visit, path, &n);
        if (how == HARM_EMPTIED)
                n = 0;
        else
                bytes[how == HARM_HEADER ? 20 : n_used / 2] ^= 0x10;
        return g_bytes_new_take(bytes, n);
}

/* Two files at once. */
static void pairs(const History *history,
                  const History *other,
                  unsigned step,
                  InjuryVisitor visitor,
                  void *userdata)
{
        static const char *const names[] = { "deleted", "header", "middle", "emptied" };
        Visit visit = { history, other, step, 0, visitor, userdata };
        g_autoptr(GPtrArray) paths = site_paths(history->site);

        for (guint i = 0; i < paths->len; i++)
                for (guint j = i + 1; j < paths->len; j++)
                        for (unsigned k = 0; k < N_HARMS * N_HARMS; k++) {
                                g_autoptr(Site) damaged = site_copy(history->site);
                                Harm first = k / N_HARMS, second = k % N_HARMS;
                                g_autofree char *what = g_strdup_printf(
                                        "%s: %s %s, %s %s", history->name,
                                        (const char *) paths->pdata[i], names[first],
                                        (const char *) paths->pdata[j], names[second]);

                                if ((k + i + j) % visit.step != 0)
                                        continue;
                                site_put(damaged, paths->pdata[i],
                                         harm(&visit, paths->pdata[i], first));
                                site_put(damaged, paths->pdata[j],
                                         harm(&visit, paths->pdata[j], second));
                                visitor(userdata, what, damaged);
                        }
}

const InjuryPlan injury_plans[] = {
        { "flips", flips }, { "sectors", sectors }, { "cuts", cuts },   { "shifts", shifts },
        { "mixes", mixes }, { "older", older },     { "pairs", pairs }, { NULL, NULL },
};

static void make_newer_header(Visit *visit, const char *path, bool is_version)
{
        gsize n;
        uint8_t *bytes = bytes_of(visit, path, &n);
        FileHeader header;

        memcpy(&header, bytes, sizeof header);
        if (is_version)
                header.version = GUINT32_TO_LE(GUINT32_FROM_LE(header.version) + 10);
        else
                header.incompatible_features |= GUINT64_TO_LE(UINT64_C(1) << 60);
        header.checksum = GUINT64_TO_LE(XXH3_64bits(&header, offsetof(FileHeader, checksum)));
        memcpy(bytes, &header, sizeof header);
        tell(visit, path, g_bytes_new_take(bytes, n), "newer", is_version);
}

static void make_newer_manifest(Visit *visit, const char *path, const char *key, const char *value)
{
        gsize n;
        g_autofree char *bytes = (char *) bytes_of(visit, path, &n);
        g_autofree char *text = g_strndup(bytes, n);
        const char *at = strstr(text, key), *end = strchr(at, '\n');
        const char *sum = strstr(text, "# XXH3 ");
        GString *newer = g_string_new_len(text, at - text);

        g_string_append(newer, key);
        g_string_append(newer, value);
        g_string_append_len(newer, end, sum - end);
        g_string_append_printf(newer, "# XXH3 %016" G_GINT64_MODIFIER "x\n",
                               (guint64) XXH3_64bits(newer->str, newer->len));
        tell(visit, path, g_string_free_to_bytes(newer), "newer", 0);
}

static void newer_path(Visit *visit, const char *path)
{
        if (g_str_has_suffix(path, "MANIFEST")) {
                make_newer_manifest(visit, path, "Format=", "99");
                make_newer_manifest(visit, path, "Features=", "wonders");
        } else if (!strstr(path, "last-known-good")) {
                make_newer_header(visit, path, false);
                make_newer_header(visit, path, true);
        }
}

static void newer(const History *history,
                  const History *other,
                  unsigned step,
                  InjuryVisitor visitor,
                  void *userdata)
{
        Visit visit = { history, other, step, 0, visitor, userdata };

        for_each_path(&visit, newer_path);
}

const InjuryPlan injury_newer = { "newer", newer };
