/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Intake of channels
 *
 * The fixed part of a header is "yyyyuua(yv)" of the D-Bus specification: byte order, type, flags,
 * version, length of the body, serial, and then the length of the array of fields.
 */

#include "bus/channel-intake.h"

#include "bus/caller.h"
#include "bus/channel-socket.h"
#include "core/limits.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#define HEADER_BYTES 16u

/* What is no longer than this is not charged: as much lies in the socket. */
#define SMALL_BYTES (256 * LIMIT_KIB)

static uint32_t number_at(const uint8_t *header, size_t offset)
{
        uint32_t number;

        memcpy(&number, header + offset, sizeof number);
        return header[0] == 'l' ? GUINT32_FROM_LE(number) : GUINT32_FROM_BE(number);
}

static uint64_t message_bytes(const uint8_t *header)
{
        uint64_t fields = ((uint64_t) number_at(header, 12) + 7) & ~UINT64_C(7);

        return HEADER_BYTES + fields + number_at(header, 4);
}

/* 0 or CHANNEL_INTAKE_E_HELD. */
static int charge(Channel *channel, uint64_t n_bytes)
{
        const Caller *caller = channel->caller;
        const BusService *service = caller->service;
        Accounts *accounts = state_accounts(service->state);

        if (n_bytes <= SMALL_BYTES)
                return 0;
        if (!accounts_may_charge(accounts, caller->uid, ACCOUNT_CHANNEL_INPUT_BYTES, n_bytes,
                                 service->limits->uid_call_bytes))
                return CHANNEL_INTAKE_E_HELD;

        accounts_charge(accounts, caller->uid, ACCOUNT_CHANNEL_INPUT_BYTES, n_bytes);
        channel->n_charged_bytes = n_bytes;
        return 0;
}

int channel_intake_look(Channel *channel,
                        uint8_t bytes[static CHANNEL_INTAKE_LOOK_BYTES],
                        size_t *ret_n_bytes)
{
        ssize_t n = channel_socket_peek(channel->socket_fd, bytes, CHANNEL_INTAKE_LOOK_BYTES);
        uint64_t n_bytes;

        if (n == -EAGAIN || n == -EINTR)
                return CHANNEL_INTAKE_E_NOTHING;
        if (n <= 0)
                return CHANNEL_INTAKE_E_ENDED;
        if ((size_t) n < HEADER_BYTES)
                return CHANNEL_INTAKE_E_PART;

        n_bytes = message_bytes(bytes);
        if ((bytes[0] != 'l' && bytes[0] != 'B') || n_bytes > LIMIT_CHANNEL_MESSAGE_BYTES) {
                log_notice("%s (uid %" PRIu32 ") sends what is no message, or longer than one may "
                           "be: its channel ends",
                           channel->caller->name, channel->caller->uid);
                return CHANNEL_INTAKE_E_ENDED;
        }
        channel->is_last = (uint64_t) n <= n_bytes && (size_t) n < CHANNEL_INTAKE_LOOK_BYTES;
        channel->n_missing = n_bytes;
        if ((uint64_t) n >= n_bytes)
                channel->n_missing = 0;
        *ret_n_bytes = (size_t) n;
        return charge(channel, n_bytes);
}

bool channel_intake_completes(Channel *channel)
{
        int n = 0;

        if (channel->n_missing > 0 && channel->is_shut &&
            ioctl(channel->socket_fd, FIONREAD, &n) >= 0 && n > 0)
                channel->n_missing -= MIN(channel->n_missing, (uint64_t) n);
        return channel->n_missing == 0;
}

void channel_intake_end(Channel *channel)
{
        const Caller *caller = channel->caller;

        if (channel->n_charged_bytes == 0)
                return;
        accounts_discharge(state_accounts(caller->service->state), caller->uid,
                           ACCOUNT_CHANNEL_INPUT_BYTES, channel->n_charged_bytes);
        channel->n_charged_bytes = 0;
}
