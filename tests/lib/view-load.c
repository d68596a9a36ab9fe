/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many reads of a view
 */

#include "view-load.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_THREADS_MAX 8u

static unsigned n_allocations;

/* For all libraries in this process; sanitizers have their own, of which clang does not tell. */
#if !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t n_bytes);
void *__libc_calloc(size_t n, size_t n_bytes);

__attribute__((visibility("default"))) void *malloc(size_t n_bytes)
{
        __atomic_add_fetch(&n_allocations, 1, __ATOMIC_RELAXED);
        return __libc_malloc(n_bytes);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t n_bytes)
{
        __atomic_add_fetch(&n_allocations, 1, __ATOMIC_RELAXED);
        return __libc_calloc(n, n_bytes);
}
#endif

static int read_all_ways(RegentView *view, const char *key)
{
        RegentViewEntry entry;
        uint64_t cursor = 0;
        const char *text;
        uint32_t value;
        int r;

        r = regent_view_get_uint32(view, key, &value);
        if (r >= 0)
                r = regent_view_peek(view, key, &entry);
        if (r >= 0)
                r = regent_view_next(view, &cursor, &entry);
        if (r >= 0 && regent_view_get_string(view, key, &text) != -EMEDIUMTYPE)
                r = -EBADMSG;
        if (r >= 0 && regent_view_peek(view, "absent", &entry) != -ENOENT)
                r = -EBADMSG;
        if (r >= 0 && (regent_view_is_stale(view) || regent_view_revision(view) == 0))
                r = -ESTALE;
        return r;
}

/* With nothing allowed but read, write, exit and the return from a signal. */
static G_NORETURN void read_in_prison(RegentView *view, const char *key, uint64_t n_reads)
{
        unsigned before = n_allocations;
        int r = 0;

        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
                (void) syscall(SYS_exit, 99);
        for (uint64_t i = 0; i < n_reads && r >= 0; i++)
                r = read_all_ways(view, key);
        if (n_allocations != before)
                r = -ENOMEM;
        for (;;)
                (void) syscall(SYS_exit, -r);
}

int view_load_quietly(RegentView *view, const char *key, uint64_t n_reads)
{
        pid_t child;
        int status;

        child = fork();
        if (child < 0)
                return -errno;
        if (child == 0)
                read_in_prison(view, key, n_reads);

        if (waitpid(child, &status, 0) < 0)
                return -errno;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -ENOSYS;
}

typedef struct Load {
        RegentView *view;
        const char *key;
        uint64_t end_usec;
        uint64_t n_reads;
        int result;
} Load;

static int read_onwards(Load *load, uint64_t *last, uint64_t *last_revision)
{
        RegentViewEntry entry;
        uint64_t revision;
        uint32_t value;
        int r;

        revision = regent_view_revision(load->view);
        r = regent_view_peek(load->view, load->key, &entry);
        if (r < 0)
                return r;

        memcpy(&value, entry.bytes, sizeof(value));
        if (value < *last || revision < *last_revision || entry.n_bytes != sizeof(value))
                return -EILSEQ;

        *last = value;
        *last_revision = revision;
        load->n_reads++;
        return 0;
}

static void *run_load(void *userdata)
{
        Load *load = userdata;
        uint64_t last = 0, last_revision = 0;

        while (load->result >= 0 && (uint64_t) g_get_monotonic_time() < load->end_usec)
                for (unsigned i = 0; i < 1000 && load->result >= 0; i++)
                        load->result = read_onwards(load, &last, &last_revision);

        return NULL;
}

int view_load_by_threads(
        RegentView *view, const char *key, uint64_t n_threads, uint64_t usec, uint64_t *ret_n_reads)
{
        uint64_t end_usec = (uint64_t) g_get_monotonic_time() + usec;
        GThread *threads[N_THREADS_MAX];
        Load loads[N_THREADS_MAX];
        int r = 0;

        n_threads = MIN(n_threads, N_THREADS_MAX);
        for (uint64_t i = 0; i < n_threads; i++) {
                loads[i] = (Load){ .view = view, .key = key, .end_usec = end_usec };
                threads[i] = g_thread_new("reader", run_load, &loads[i]);
        }
        for (uint64_t i = 0; i < n_threads; i++) {
                g_thread_join(threads[i]);
                r = r < 0 ? r : loads[i].result;
                *ret_n_reads += loads[i].n_reads;
        }

        return r;
}

int view_load_follow(RegentView *view,
                     const char *key,
                     uint64_t last,
                     uint64_t usec,
                     uint64_t n_between,
                     ViewFollowed *ret_followed)
{
        uint64_t end_usec = (uint64_t) g_get_monotonic_time() + usec, last_revision = 0;
        ViewFollowed followed = { 0 };

        while (followed.last != last) {
                uint64_t revision;
                uint32_t value;
                int r;

                if (n_between > 0 && followed.n_reads % n_between == 0)
                        (void) regent_view_refresh(view);
                revision = regent_view_revision(view);
                r = regent_view_get_uint32(view, key, &value);
                if (r < 0)
                        return r;
                if (value < followed.last || revision < last_revision)
                        return -EILSEQ;
                if ((uint64_t) g_get_monotonic_time() > end_usec)
                        return -ETIMEDOUT;

                followed.n_reads++;
                followed.n_values += value != followed.last;
                followed.last = value;
                last_revision = revision;
        }

        *ret_followed = followed;
        return 0;
}
