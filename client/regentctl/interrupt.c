/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupt
 *
 * The signals are blocked in every thread but for one, which waits for them. So no code runs in a
 * signal handler, and reading a file or a name service that hangs cannot hold up the end.
 */

#include "interrupt.h"

#include "failure.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MSEC 800

struct Interrupt {
        int fd; /* an eventfd */
        atomic_bool came;
        pthread_t thread;
        atomic_bool is_held;
        atomic_bool is_ending;
};

static void fill_signals(sigset_t *signals)
{
        sigemptyset(signals);
        sigaddset(signals, SIGINT);
        sigaddset(signals, SIGTERM);
        sigaddset(signals, SIGUSR1);
}

void interrupt_raise(Interrupt *interrupt)
{
        const uint64_t one = 1;

        interrupt->came = true;
        (void) !write(interrupt->fd, &one, sizeof(one));
}

static void *wait_for_signals(void *userdata)
{
        const struct timespec grace = { .tv_nsec = GRACE_MSEC * 1000000L };
        Interrupt *interrupt = userdata;
        sigset_t signals;

        fill_signals(&signals);
        for (;;) {
                int number = 0;

                if (sigwait(&signals, &number) != 0)
                        continue;
                if (interrupt->is_ending)
                        return NULL;
                if (interrupt->is_held || number == SIGUSR1)
                        continue;
                break;
        }
        interrupt_raise(interrupt);

        /* A second signal does not wait. interrupt_free() sends one of its own, SIGUSR1. */
        sigtimedwait(&signals, NULL, &grace);
        if (!interrupt->is_ending)
                _exit(EXIT_INTERRUPTED);
        return NULL;
}

Interrupt *interrupt_new(void)
{
        Interrupt *interrupt = g_new0(Interrupt, 1);
        sigset_t signals;

        interrupt->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (interrupt->fd < 0)
                g_error("no eventfd");
        fill_signals(&signals);
        pthread_sigmask(SIG_BLOCK, &signals, NULL);
        if (pthread_create(&interrupt->thread, NULL, wait_for_signals, interrupt) != 0)
                g_error("no thread for signals");
        return interrupt;
}

bool interrupt_came(const Interrupt *interrupt)
{
        return interrupt->came;
}

int interrupt_fd(const Interrupt *interrupt)
{
        return interrupt->fd;
}

void interrupt_hold(Interrupt *interrupt)
{
        interrupt->is_held = true;
}

void interrupt_release(Interrupt *interrupt)
{
        interrupt->is_held = false;
}

Interrupt *interrupt_free(Interrupt *interrupt)
{
        if (!interrupt)
                return NULL;

        interrupt->is_ending = true;
        pthread_kill(interrupt->thread, SIGUSR1);
        pthread_join(interrupt->thread, NULL);
        close(interrupt->fd);
        g_free(interrupt);
        return NULL;
}
