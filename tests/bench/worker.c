/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker
 *
 * Parent and child talk over a socket pair, a packet a message: a window there, a result back. The
 * end of the socket ends the child, and so does the end of the parent.
 */

#include "worker.h"

#include "bus.h"
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Window {
        uint32_t load;
        uint64_t start_nsec;
        uint64_t end_nsec;
} Window;

struct Worker {
        pid_t pid;
        int fd;
};

static void result_note_slow(WorkerResult *result, uint64_t start_nsec, uint64_t nsec)
{
        uint32_t i = result->n_slowest;

        if (i == WORKER_SLOWEST_MAX && nsec <= result->slowest[--i].nsec)
                return;

        for (; i > 0 && result->slowest[i - 1].nsec < nsec; i--)
                result->slowest[i] = result->slowest[i - 1];
        result->slowest[i] = (WorkerSlow){ .start_nsec = start_nsec, .nsec = nsec };
        if (result->n_slowest < WORKER_SLOWEST_MAX)
                result->n_slowest++;
}

static int compare_nsec(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *) a;
        uint64_t y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

static void wait_until(uint64_t nsec)
{
        struct timespec moment = {
                .tv_sec = (time_t) (nsec / 1000000000),
                .tv_nsec = (long) (nsec % 1000000000),
        };

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) == EINTR)
                ;
}

/* At least one operation, however short the window is. */
static void operate(Client *client, const Window *window, GArray *latencies, WorkerResult *result)
{
        uint64_t begin;
        uint64_t end;

        g_array_set_size(latencies, 0);
        wait_until(window->start_nsec);
        end = now_nsec();
        do {
                uint64_t latency;

                begin = end;
                result->error = client_operate(client);
                if (result->error < 0)
                        return;

                end = now_nsec();
                latency = end - begin;
                g_array_append_val(latencies, latency);
                result_note_slow(result, begin, latency);
        } while (end < window->end_nsec);

        g_array_sort(latencies, compare_nsec);
        result->n_operations = latencies->len;
        result->nsec = end - window->start_nsec;
        result->median_nsec = g_array_index(latencies, uint64_t, latencies->len / 2);
        result->p99_nsec = g_array_index(latencies, uint64_t, (uint64_t) latencies->len * 99 / 100);
}

/* @clients has a place for each load; a client is connected when it is first needed. */
static void serve(int fd, GPtrArray *loads, uint32_t index, GPtrArray *clients)
{
        g_autoptr(GArray) latencies = g_array_sized_new(FALSE, FALSE, sizeof(uint64_t), 1 << 16);
        WorkerResult result;
        Window window;

        do {
                Client **client;

                if (recv(fd, &window, sizeof window, 0) != sizeof window)
                        return;

                result = (WorkerResult){ 0 };
                client = (Client **) &clients->pdata[window.load];
                if (!*client)
                        result.error = client_new(client, loads->pdata[window.load], index);
                if (result.error == 0)
                        operate(*client, &window, latencies, &result);
        } while (send(fd, &result, sizeof result, MSG_NOSIGNAL) == sizeof result);
}

static void free_client(void *client)
{
        client_free(client);
}

static void run_child(int fd, GPtrArray *loads, uint32_t index)
{
        g_autoptr(GPtrArray) clients = g_ptr_array_new_with_free_func(free_client);

        g_ptr_array_set_size(clients, (int) loads->len);
        serve(fd, loads, index, clients);
}

int worker_new(Worker **ret_worker, GPtrArray *loads, uint32_t index)
{
        g_autoptr(Worker) worker = g_new(Worker, 1);
        pid_t parent = getpid();
        int fds[2];
        int r;

        *worker = (Worker){ .pid = -1, .fd = -1 };

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;

        worker->fd = fds[0];
        worker->pid = fork();
        if (worker->pid < 0) {
                r = -errno;
                (void) close(fds[1]);
                return r;
        }
        if (worker->pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) close(fds[0]);
                if (getppid() == parent)
                        run_child(fds[1], loads, index);
                _exit(EXIT_SUCCESS);
        }

        (void) close(fds[1]);
        *ret_worker = g_steal_pointer(&worker);
        return 0;
}

void worker_free(Worker *worker)
{
        if (!worker)
                return;

        if (worker->fd >= 0)
                (void) close(worker->fd);
        if (worker->pid > 0) {
                (void) kill(worker->pid, SIGKILL);
                (void) waitpid(worker->pid, NULL, 0);
        }
        g_free(worker);
}

int worker_begin(Worker *worker, uint32_t load, uint64_t start_nsec, uint64_t end_nsec)
{
        Window window = { .load = load, .start_nsec = start_nsec, .end_nsec = end_nsec };

        if (send(worker->fd, &window, sizeof window, MSG_NOSIGNAL) < 0)
                return -errno;

        return 0;
}

int worker_finish(Worker *worker, int timeout_msec, WorkerResult *ret_result)
{
        struct pollfd readable = { .fd = worker->fd, .events = POLLIN };
        WorkerResult result;
        int r;

        r = poll(&readable, 1, timeout_msec);
        if (r < 0)
                return -errno;
        if (r == 0)
                return -ETIMEDOUT;

        if (recv(worker->fd, &result, sizeof result, 0) != sizeof result)
                return -EPIPE;
        if (result.error < 0)
                return result.error;

        *ret_result = result;
        return 0;
}
