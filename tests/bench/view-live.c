/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * View live
 *
 * The client sends a Set, looks at the view until it is there, and reads the reply then. Commits for which there was no
 * room are in the next view, which is opened before the next Set; they do not count.
 */

#include "view-live.h"

#include "bus.h"
#include "client/regent-names.h"
#include "client/view-reader.h"
#include "entry-text.h"
#include "flush-clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP   50u
#define SPINS_MAX 100000000u
#define NAPS_OVER UINT32_MAX

typedef struct Live {
        sd_bus *bus;
        char path[ENTRY_TEXT_PATH_SIZE];
        const FlushClock *flush_clock;
        ViewReader reader;
        uint64_t number;
} Live;

static int open_view(sd_bus *bus, const char *path, ViewReader *ret_reader)
{
        g_autoptr(sd_bus_message) call = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        int r, fd;

        r = sd_bus_message_new_method_call(bus, &call, REGENT_BUS_NAME, path,
                                           REGENT_NAMESPACE_INTERFACE, "OpenView");
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "a{sv}", 0);
        if (r < 0)
                return r;
        r = bus_call(bus, call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return r;
        return view_reader_open(ret_reader, fd);
}

static int send_set(Live *live, sd_bus_message **ret_call, uint64_t *ret_cookie)
{
        g_autoptr(sd_bus_message) call = NULL;
        int r;

        r = sd_bus_message_new_method_call(live->bus, &call, REGENT_BUS_NAME, live->path,
                                           REGENT_NAMESPACE_INTERFACE, "Set");
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "sv", "n", "t", ++live->number);
        if (r < 0)
                return r;
        r = sd_bus_send(live->bus, call, ret_cookie);
        if (r < 0)
                return r;
        r = sd_bus_flush(live->bus);
        if (r < 0)
                return r;
        *ret_call = g_steal_pointer(&call);
        return 0;
}

/* Takes messages until the reply to @cookie is among them. */
static int await_reply(const Live *live, uint64_t cookie)
{
        for (;;) {
                g_autoptr(sd_bus_message) m = NULL;
                uint64_t of = 0;
                int r = sd_bus_process(live->bus, &m);

                if (r < 0)
                        return r;
                if (m && sd_bus_message_get_reply_cookie(m, &of) >= 0 && of == cookie)
                        return sd_bus_message_is_method_error(m, NULL) ? -EIO : 0;
                if (r == 0)
                        r = sd_bus_wait(live->bus, UINT64_MAX);
                if (r < 0)
                        return r;
        }
}

static void spin(const ViewReader *reader, uint32_t sequence)
{
        for (unsigned n = 0; n < SPINS_MAX && view_reader_sequence(reader) == sequence; n++)
                __asm__ volatile("" ::: "memory");
}

/* Nanoseconds from its flush to its being seen; *ret_nsec is not set when it was not. */
static int run_one(Live *live, bool is_asleep, uint64_t *ret_nsec)
{
        g_autoptr(sd_bus_message) call = NULL;
        uint32_t sequence;
        uint64_t cookie, seen;
        int r;

        if (view_reader_state(&live->reader) != REGENT_VIEW_LIVE) {
                view_reader_close(&live->reader);
                r = open_view(live->bus, live->path, &live->reader);
                if (r < 0)
                        return r;
        }

        sequence = view_reader_sequence(&live->reader);
        r = send_set(live, &call, &cookie);
        if (r < 0)
                return r;
        if (is_asleep)
                (void) view_reader_wait(&live->reader, sequence, 5000000);
        else
                spin(&live->reader, sequence);
        seen = now_nsec();
        if (view_reader_state(&live->reader) == REGENT_VIEW_LIVE)
                *ret_nsec = seen - __atomic_load_n(&live->flush_clock->end_nsec, __ATOMIC_ACQUIRE);
        return await_reply(live, cookie);
}

static int compare_numbers(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

static int run(Live *live, bool is_asleep, unsigned n_commits)
{
        g_autofree uint64_t *took = g_new(uint64_t, n_commits + 1);
        unsigned n = 0;

        for (unsigned i = 0; i < n_commits + WARM_UP; i++) {
                uint64_t nsec = 0;
                int r = run_one(live, is_asleep, &nsec);

                if (r < 0)
                        return r;
                if (nsec > 0 && i >= WARM_UP)
                        took[n++] = nsec;
        }
        if (n == 0)
                return -ENODATA;

        qsort(took, n, sizeof *took, compare_numbers);
        printf("{\"seen_nsec\": %" PRIu64, took[n / 2]);
        return 0;
}

/* What a wake-up takes where nothing else is done. */
typedef struct Nap {
        uint32_t word;
        uint64_t woken_nsec;
} Nap;

static void *take_naps(void *userdata)
{
        Nap *nap = userdata;
        uint32_t last = 0;

        while (last != NAPS_OVER) {
                (void) syscall(SYS_futex, &nap->word, FUTEX_WAIT, last, NULL, NULL, 0);
                if (__atomic_load_n(&nap->word, __ATOMIC_ACQUIRE) == last)
                        continue;
                last = __atomic_load_n(&nap->word, __ATOMIC_ACQUIRE);
                __atomic_store_n(&nap->woken_nsec, now_nsec(), __ATOMIC_RELEASE);
        }
        return NULL;
}

static void wake(Nap *nap, uint32_t word)
{
        __atomic_store_n(&nap->word, word, __ATOMIC_RELEASE);
        (void) syscall(SYS_futex, &nap->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static uint64_t measure_futex(unsigned n)
{
        const struct timespec moment = { 0, 200000 };
        g_autofree uint64_t *took = g_new(uint64_t, n);
        Nap nap = {};
        pthread_t thread;

        g_assert(pthread_create(&thread, NULL, take_naps, &nap) == 0);
        for (unsigned i = 0; i < n; i++) {
                uint64_t begin, woken;

                (void) nanosleep(&moment, NULL);
                begin = now_nsec();
                wake(&nap, i + 1);
                while ((woken = __atomic_load_n(&nap.woken_nsec, __ATOMIC_ACQUIRE)) < begin)
                        (void) sched_yield();
                took[i] = woken - begin;
        }
        wake(&nap, NAPS_OVER);
        (void) pthread_join(thread, NULL);
        qsort(took, n, sizeof *took, compare_numbers);
        return took[n / 2];
}

static int map_clock(const char *path, const FlushClock **ret_clock)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        void *memory;

        if (fd < 0)
                return -errno;
        memory = mmap(NULL, sizeof **ret_clock, PROT_READ, MAP_SHARED, fd, 0);
        (void) close(fd);
        if (memory == MAP_FAILED)
                return -errno;
        *ret_clock = memory;
        return 0;
}

int view_live_run(const char *address,
                  const char *ns_name,
                  unsigned n_commits,
                  const char *clock_path,
                  bool is_asleep)
{
        g_autoptr(sd_bus) bus = NULL;
        Live live = {};
        int r;

        r = bus_open(&bus, address);
        if (r < 0)
                return r;
        live.bus = bus;
        entry_text_path(live.path, ns_name);
        r = map_clock(clock_path, &live.flush_clock);
        if (r < 0)
                return r;
        r = open_view(bus, live.path, &live.reader);
        if (r < 0)
                return r;

        r = run(&live, is_asleep, n_commits);
        if (r == 0)
                printf(", \"futex_nsec\": %" PRIu64 "}\n",
                       is_asleep ? measure_futex(n_commits) : 0);
        view_reader_close(&live.reader);
        return r;
}

static void allow_descriptors(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void) setrlimit(RLIMIT_NOFILE, &limit);
        }
}

int view_live_open(const char *address, const char *ns_name, uint32_t n_namespaces)
{
        g_autofree ViewReader *readers = g_new(ViewReader, n_namespaces);
        g_autoptr(sd_bus) bus = NULL;
        uint64_t n_bytes = 0;
        int r;

        allow_descriptors();
        r = bus_open(&bus, address);
        for (uint32_t i = 0; r >= 0 && i < n_namespaces; i++) {
                char name[ENTRY_TEXT_NAME_SIZE], path[ENTRY_TEXT_PATH_SIZE];

                entry_text_namespace(name, ns_name, n_namespaces, i);
                entry_text_path(path, name);
                r = open_view(bus, path, &readers[i]);
                if (r >= 0)
                        n_bytes += readers[i].size_bytes;
        }
        if (r < 0)
                return r;

        printf("{\"bytes\": %" PRIu64 "}\n", n_bytes);
        (void) fflush(stdout);
        (void) getchar();
        for (uint32_t i = 0; i < n_namespaces; i++)
                view_reader_close(&readers[i]);
        return 0;
}
