/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peer-main: a client of one peer, told what to do on its standard input
 *
 * Each line is an order, answered by a line: "done OPERATIONS NSEC MEDIAN-NSEC" or "failed WHY".
 * A window is a time in the monotonic clock, so that several clients begin together; at least one
 * operation is made in it. The client ends with its input.
 */

#include "board.h"
#include "bus.h"
#include "entry-text.h"
#include "peer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define ORDER_MASK  0xffffu /* so many keys in no order, again and again */
#define BATCH_NSEC  50000   /* the clock is looked at this often when reading */
#define BATCH_MAX   8192
#define VALUE_MIN   (ENTRY_TEXT_VALUE_SIZE - 1)
#define LINE_SIZE   512
#define N_WORDS_MAX 4

static const char usage[] = "bench-peer-NAME WHERE VARIANT KEYS VALUE-BYTES CLIENT\n"
                            "then, on standard input:\n"
                            "fill\n"
                            "read START END\n"
                            "write START END\n"
                            "pipeline START END DEPTH\n"
                            "watch BOARD WATCHERS\n"
                            "tell START END BOARD\n";

typedef char KeyText[PEER_KEY_SIZE];

typedef struct Bench {
        PeerPlace place;
        void *session;
        KeyText *keys;
        uint32_t *order;
        uint32_t n_ordered; /* so many were taken */
        char *value;
        uint64_t n_written;
        uint64_t sum; /* of what was read, so that it is */
        GArray *latencies;
} Bench;

typedef struct Window {
        uint64_t start_nsec, end_nsec;
} Window;

typedef struct Counted {
        uint64_t n_operations, nsec, median_nsec;
} Counted;

void peer_make_key(char ret_key[PEER_KEY_SIZE], uint32_t index)
{
        if (peer.make_key)
                peer.make_key(ret_key, index);
        else
                entry_text_key(ret_key, index);
}

void peer_make_value(char *ret_value, size_t value_bytes, uint64_t high, uint64_t low)
{
        char text[ENTRY_TEXT_VALUE_SIZE];

        entry_text_value(text, high, low);
        memset(ret_value, 'v', value_bytes);
        memcpy(ret_value, text, MIN(value_bytes, (size_t) VALUE_MIN));
        ret_value[value_bytes] = '\0';
}

/* What is drawn does not count as time of the peer, so it is drawn before. */
static void bench_prepare(Bench *bench)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(bench->place.client + 1);

        bench->keys = g_new0(KeyText, bench->place.n_keys);
        bench->order = g_new(uint32_t, ORDER_MASK + 1);
        bench->value = g_malloc(bench->place.value_bytes + 1);
        bench->latencies = g_array_new(FALSE, FALSE, sizeof(uint64_t));
        for (uint32_t i = 0; i < bench->place.n_keys; i++)
                peer_make_key(bench->keys[i], i);
        for (uint32_t i = 0; i <= ORDER_MASK; i++)
                bench->order[i] =
                        (uint32_t) g_rand_int_range(random, 0, (gint32) bench->place.n_keys);
        peer_make_value(bench->value, bench->place.value_bytes, 0, 0);
}

static const char *bench_next_key(Bench *bench)
{
        return bench->keys[bench->order[bench->n_ordered++ & ORDER_MASK]];
}

/* Never what was there. */
static void bench_next_value(Bench *bench)
{
        char text[ENTRY_TEXT_VALUE_SIZE];

        entry_text_value(text, now_nsec(),
                         ((uint64_t) bench->place.client << 32) + bench->n_written++);
        memcpy(bench->value, text, VALUE_MIN);
}

static void wait_until(uint64_t nsec)
{
        struct timespec moment = { .tv_sec = (time_t) (nsec / 1000000000),
                                   .tv_nsec = (long) (nsec % 1000000000) };

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) == EINTR)
                ;
}

static int compare_nsec(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *) a;
        uint64_t y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

static uint64_t median_of(GArray *latencies)
{
        g_array_sort(latencies, compare_nsec);
        return latencies->len > 0 ? g_array_index(latencies, uint64_t, latencies->len / 2) : 0;
}

static int read_batch(Bench *bench, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++) {
                PeerValue value = {};
                int r;

                r = peer.read(bench->session, bench_next_key(bench), &value);
                if (r < 0)
                        return r;
                if (value.n_bytes != bench->place.value_bytes)
                        return -EBADMSG;
                bench->sum += (uint64_t) ((const uint8_t *) value.bytes)[0] +
                              ((const uint8_t *) value.bytes)[value.n_bytes - 1];
        }
        return 0;
}

static int run_read(Bench *bench, const Window *window, Counted *ret)
{
        uint64_t begin, end, n = 0;
        uint32_t batch = 1;

        wait_until(window->start_nsec);
        begin = end = now_nsec();
        do {
                uint64_t before = end;
                int r;

                r = read_batch(bench, batch);
                if (r < 0)
                        return r;
                n += batch;
                end = now_nsec();
                if (end - before < BATCH_NSEC / 2 && batch < BATCH_MAX)
                        batch *= 2;
        } while (end < window->end_nsec);

        *ret = (Counted){ n, end - begin, (end - begin) / n };
        return 0;
}

static int run_write(Bench *bench, const Window *window, Counted *ret)
{
        uint64_t begin, end;

        g_array_set_size(bench->latencies, 0);
        wait_until(window->start_nsec);
        begin = end = now_nsec();
        do {
                uint64_t before, took;
                int r;

                bench_next_value(bench);
                before = now_nsec();
                r = peer.write(bench->session, bench_next_key(bench), bench->value,
                               bench->place.value_bytes);
                if (r < 0)
                        return r;
                end = now_nsec();
                took = end - before;
                g_array_append_val(bench->latencies, took);
        } while (end < window->end_nsec);

        *ret = (Counted){ bench->latencies->len, end - begin, median_of(bench->latencies) };
        return 0;
}

/* As many under way as the system can have, @depth at most. */
static int write_ahead(Bench *bench, uint32_t depth)
{
        const char *key = bench_next_key(bench);
        int r;

        if (!peer.write_begin)
                return peer.write(bench->session, key, bench->value, bench->place.value_bytes);

        r = peer.write_begin(bench->session, key, bench->value, bench->place.value_bytes);
        return r < 0 ? r : peer.write_wait(bench->session, depth - 1);
}

static int run_pipeline(Bench *bench, const Window *window, uint32_t depth, Counted *ret)
{
        uint64_t begin, n = 0;
        int r = 0;

        wait_until(window->start_nsec);
        begin = now_nsec();
        do {
                bench_next_value(bench);
                r = write_ahead(bench, depth);
                n++;
        } while (r == 0 && now_nsec() < window->end_nsec);
        if (r == 0 && peer.write_wait)
                r = peer.write_wait(bench->session, 0);
        if (r < 0)
                return r;

        *ret = (Counted){ n, now_nsec() - begin, 0 };
        return 0;
}

/* Writes, and each time waits until the last watcher has been told: that is the latency. */
static int run_tell(Bench *bench, const Window *window, const char *path, Counted *ret)
{
        uint64_t begin = now_nsec(), told = begin;
        Board *board;
        int r;

        r = board_open(&board, path);
        if (r < 0)
                return r;

        g_array_set_size(bench->latencies, 0);
        wait_until(window->start_nsec);
        do {
                uint32_t n_told = __atomic_load_n(&board->n_told, __ATOMIC_ACQUIRE);
                uint64_t before, took;

                bench_next_value(bench);
                before = now_nsec();
                r = peer.write(bench->session, bench_next_key(bench), bench->value,
                               bench->place.value_bytes);
                if (r == 0)
                        r = board_wait(board, n_told, &told);
                if (r < 0)
                        return r;
                took = told - before;
                g_array_append_val(bench->latencies, took);
        } while (now_nsec() < window->end_nsec);

        *ret = (Counted){ bench->latencies->len, told - begin, median_of(bench->latencies) };
        return 0;
}

/* Does not come back, unless something is wrong. */
static int run_watch(Bench *bench, const char *path, uint32_t n_watchers)
{
        Board *board;
        int r;

        r = board_open(&board, path);
        if (r < 0)
                return r;
        board->n_watchers = n_watchers;

        r = peer.watch(bench->session);
        if (r < 0)
                return r;

        printf("done 0 0 0\n");
        for (;;) {
                r = peer.await(bench->session);
                if (r < 0)
                        return r;
                board_note(board, bench->place.client, now_nsec());
        }
}

/* 0, or -EOPNOTSUPP where the peer cannot do it, or -EINVAL. */
static int obey(Bench *bench, char **words, uint32_t n_words, Counted *ret)
{
        const char *what = words[0];
        Window window;

        if (strcmp(what, "fill") == 0)
                return peer.fill ? peer.fill(bench->session) : -EOPNOTSUPP;
        if (n_words < 3)
                return -EINVAL;
        if (strcmp(what, "watch") == 0)
                return peer.watch && bench->place.client < BOARD_WATCHERS_MAX
                               ? run_watch(bench, words[1], (uint32_t) strtoul(words[2], NULL, 10))
                               : -EOPNOTSUPP;

        window = (Window){ strtoull(words[1], NULL, 10), strtoull(words[2], NULL, 10) };
        if (strcmp(what, "read") == 0)
                return peer.read ? run_read(bench, &window, ret) : -EOPNOTSUPP;
        if (strcmp(what, "write") == 0)
                return peer.write ? run_write(bench, &window, ret) : -EOPNOTSUPP;
        if (n_words < 4)
                return -EINVAL;
        if (strcmp(what, "pipeline") == 0)
                return peer.write ? run_pipeline(bench, &window,
                                                 (uint32_t) strtoul(words[3], NULL, 10), ret)
                                  : -EOPNOTSUPP;
        if (strcmp(what, "tell") == 0)
                return peer.write ? run_tell(bench, &window, words[3], ret) : -EOPNOTSUPP;
        return -EINVAL;
}

static void serve(Bench *bench)
{
        char line[LINE_SIZE];

        while (fgets(line, sizeof line, stdin)) {
                g_auto(GStrv) words = g_strsplit(g_strchomp(line), " ", N_WORDS_MAX);
                Counted counted = {};
                int r;

                r = words[0] ? obey(bench, words, g_strv_length(words), &counted) : -EINVAL;
                if (r < 0)
                        printf("failed %s\n", strerror(-r));
                else
                        printf("done %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", counted.n_operations,
                               counted.nsec, counted.median_nsec);
        }
}

int main(int argc, char **argv)
{
        Bench bench = {};
        int r;

        if (argc != 6) {
                fputs(usage, stderr);
                return 2;
        }

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        bench.place = (PeerPlace){
                .where = argv[1],
                .variant = argv[2],
                .n_keys = (uint32_t) strtoul(argv[3], NULL, 10),
                .value_bytes = strtoul(argv[4], NULL, 10),
                .client = (uint32_t) strtoul(argv[5], NULL, 10),
        };
        if (bench.place.n_keys == 0 || bench.place.n_keys > G_MAXINT32 ||
            bench.place.value_bytes < VALUE_MIN)
                return 2;

        r = peer.open(&bench.session, &bench.place);
        if (r < 0) {
                printf("failed open: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }

        bench_prepare(&bench);
        printf("done 0 0 0\n");
        serve(&bench);
        /* What is open ends with the process, as when a client is killed. */
        return bench.sum == 1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
