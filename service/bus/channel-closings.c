/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Closings of channels
 */

#include "bus/channel-closings.h"

#include "util/log.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct ChannelClosings {
        Accounts *accounts;
        GQueue all; /* Closing */
};

/* Its thread has it, too, and may outlive everything else. */
typedef struct Closing {
        int fd;
        uint32_t uid;
        int is_done; /* atomic */
} Closing;

ChannelClosings *channel_closings_new(Accounts *accounts)
{
        ChannelClosings *closings = g_new0(ChannelClosings, 1);

        closings->accounts = accounts;
        return closings;
}

ChannelClosings *channel_closings_free(ChannelClosings *closings)
{
        if (!closings)
                return NULL;

        g_queue_clear_full(&closings->all, g_atomic_rc_box_release);
        g_free(closings);
        return NULL;
}

static gpointer close_aside(gpointer userdata)
{
        Closing *closing = userdata;

        close(closing->fd);
        g_atomic_int_set(&closing->is_done, true);
        g_atomic_rc_box_release(closing);
        return NULL;
}

static bool is_empty(int fd)
{
        int n_bytes = 0;

        return ioctl(fd, FIONREAD, &n_bytes) >= 0 && n_bytes == 0;
}

/* False: there is no thread to be had. */
static bool begin(ChannelClosings *closings, int fd, uint32_t uid)
{
        Closing *closing = g_atomic_rc_box_new0(Closing);
        GThread *thread;

        closing->fd = fd;
        closing->uid = uid;
        thread = g_thread_try_new("close", close_aside, g_atomic_rc_box_acquire(closing), NULL);
        if (!thread) {
                g_atomic_rc_box_release(closing);
                g_atomic_rc_box_release(closing);
                return false;
        }

        g_thread_unref(thread);
        g_queue_push_tail(&closings->all, closing);
        return true;
}

void channel_closings_add(ChannelClosings *closings, int fd, bool is_shut, uint32_t uid)
{
        (void) shutdown(fd, SHUT_RDWR); /* nothing comes any more */
        if (!is_shut && !is_empty(fd)) {
                if (begin(closings, fd, uid))
                        return;
                log_warning("There is no thread to close a channel: everybody waits until it is");
        }

        close(fd);
        accounts_discharge(closings->accounts, uid, ACCOUNT_CHANNELS, 1);
}

void channel_closings_look(ChannelClosings *closings)
{
        for (GList *l = closings->all.head, *next; l; l = next) {
                Closing *closing = l->data;

                next = l->next;
                if (!g_atomic_int_get(&closing->is_done))
                        continue;
                accounts_discharge(closings->accounts, closing->uid, ACCOUNT_CHANNELS, 1);
                g_queue_delete_link(&closings->all, l);
                g_atomic_rc_box_release(closing);
        }
}

size_t channel_closings_count(const ChannelClosings *closings)
{
        return closings->all.length;
}
