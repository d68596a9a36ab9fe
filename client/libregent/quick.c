/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small writes without sd-bus
 *
 * A write that waits for its reply costs sd-bus more than regentd. Where nothing but that reply can come over the
 * channel, the call is written to its socket as bytes, and the reply is read from there: one send, one wait, one
 * receive. Nothing else can come while
 *  - no other call is under way, and no reply is owed of one that was cancelled or took too long,
 *  - nothing was ever asked for over this channel that regentd tells of by itself: a watch, or a participant,
 *  - sd-bus has nothing read, half read or to be sent. Half read can only be what one of these two brings.
 * What a reply to such a call looks like is known, too. All else, and all that is not plain, sd-bus does.
 *
 * Serials have the top bit set, which those of sd-bus have not before two thousand million calls. A reply that is late
 * comes to sd-bus, which nobody has told of the call, and it drops it.
 */

#include "private.h"

#include "wire/frame.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define OWN_SERIALS UINT32_C(0x80000000)

#define REPLY_BYTES_MAX ((size_t) 64 << 20)
#define REPLY_BYTES     512u /* for which no memory is made */

void quick_reply_clear(QuickReply *reply)
{
        g_clear_pointer(&reply->result, g_variant_unref);
}

void quick_note_channel(Regent *regent)
{
        regent->is_channel_told = false;
        regent->n_owed = 0;
}

void quick_note_sent(Regent *regent, sd_bus *link, const CallSpec *spec)
{
        if (link == regent->channel && (strcmp(spec->member, "Watch") == 0 ||
                                        strcmp(spec->member, "RegisterParticipant") == 0))
                regent->is_channel_told = true;
}

void quick_note_owed(Regent *regent, sd_bus *link)
{
        if (link && link == regent->channel)
                regent->n_owed++;
}

void quick_note_late(Regent *regent, sd_bus_message *m)
{
        uint8_t type;

        if (regent->n_owed > 0 && sd_bus_message_get_bus(m) == regent->channel &&
            sd_bus_message_get_type(m, &type) >= 0 &&
            (type == SD_BUS_MESSAGE_METHOD_RETURN || type == SD_BUS_MESSAGE_METHOD_ERROR))
                regent->n_owed--;
}

static bool is_idle(sd_bus *channel)
{
        uint64_t n_read, n_write;

        return sd_bus_is_ready(channel) > 0 && sd_bus_get_n_queued_read(channel, &n_read) >= 0 &&
               n_read == 0 && sd_bus_get_n_queued_write(channel, &n_write) >= 0 && n_write == 0;
}

static bool is_fit(Regent *regent)
{
        return regent->link == LINK_READY && regent->channel && !regent->is_channel_told &&
               regent->n_owed == 0 && g_queue_is_empty(&regent->calls) && is_idle(regent->channel);
}

static bool is_ascii(const char *text)
{
        for (; *text != '\0'; text++)
                if ((uint8_t) *text >= 0x80)
                        return false;

        return true;
}

void quick_put_string(WireBytes *bytes, const char *text)
{
        bytes->is_broken |= !is_ascii(text);
        wire_put_string(bytes, text);
}

/* As long as no more than a frame holds, it takes no time to look whether it is normal. */
void quick_put_value(WireBytes *bytes, GVariant *value)
{
        if (g_variant_is_container(value) || g_variant_get_size(value) > WIRE_FRAME_BYTES_MAX ||
            !g_variant_is_normal_form(value) ||
            (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) &&
             !is_ascii(g_variant_get_string(value, NULL)))) {
                bytes->is_broken = true;
                return;
        }

        wire_put_value(bytes, value);
}

static bool encode(const CallSpec *spec, uint32_t serial, WireBytes *ret_bytes)
{
        const WireFrame frame = {
                .type = WIRE_FRAME_CALL,
                .serial = serial,
                .path = spec->path,
                .interface_name = spec->interface_name,
                .member = spec->member,
                .signature = spec->put     ? "a{sv}asta{sv}"
                             : spec->value ? "sv"
                                           : "s",
        };

        if (!spec->put && !spec->key)
                return false;

        wire_bytes_begin(ret_bytes, &frame);
        if (spec->put)
                spec->put(spec->userdata, ret_bytes);
        if (spec->key)
                quick_put_string(ret_bytes, spec->key);
        if (spec->value)
                quick_put_value(ret_bytes, spec->value);
        return wire_bytes_end(ret_bytes);
}

/* A reply while it comes. */
typedef struct Intake {
        int fd;
        uint64_t deadline_usec;
        size_t n_bytes, size;
        uint8_t *bytes; /* one of the next two */
        uint8_t *allocated;
        uint8_t own[REPLY_BYTES];
} Intake;

static int wait_readable(const Intake *intake)
{
        struct pollfd poll_fd = { .fd = intake->fd, .events = POLLIN };
        uint64_t left_usec = deadline_left(intake->deadline_usec);
        struct timespec left = { (time_t) (left_usec / G_USEC_PER_SEC),
                                 (long) (left_usec % G_USEC_PER_SEC * 1000) };
        int r;

        r = ppoll(&poll_fd, 1, left_usec == UINT64_MAX ? NULL : &left, NULL);
        if (r == 0)
                return -ETIMEDOUT;
        return r < 0 && errno != EINTR ? -errno : 0;
}

/* Until there are @n_bytes, taking what comes with them. */
static int receive_until(Intake *intake, size_t n_bytes)
{
        while (intake->n_bytes < n_bytes) {
                ssize_t n;
                int r;

                r = wait_readable(intake);
                if (r < 0)
                        return r;

                n = recv(intake->fd, intake->bytes + intake->n_bytes,
                         intake->size - intake->n_bytes, MSG_DONTWAIT);
                if (n == 0)
                        return -ECONNRESET;
                if (n > 0)
                        intake->n_bytes += (size_t) n;
                else if (errno != EAGAIN && errno != EINTR)
                        return -errno;
        }

        return 0;
}

/* Nothing is behind it: that would be no reply to this. */
static int receive(Intake *intake)
{
        size_t n_bytes;
        int r;

        intake->bytes = intake->own;
        intake->size = sizeof intake->own;
        r = receive_until(intake, WIRE_FRAME_FIXED_BYTES);
        if (r < 0)
                return r;

        n_bytes = wire_frame_size(intake->bytes);
        if (n_bytes < intake->n_bytes || n_bytes > REPLY_BYTES_MAX)
                return -EBADMSG;
        if (n_bytes > sizeof intake->own) {
                intake->allocated = g_malloc(n_bytes);
                memcpy(intake->allocated, intake->own, intake->n_bytes);
                intake->bytes = intake->allocated;
                intake->size = n_bytes;
        }
        return receive_until(intake, n_bytes);
}

static GVariant *get_values(WireCursor *cursor)
{
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        size_t end = wire_get_array(cursor, 8);

        while (wire_array_goes_on(cursor, end, 8)) {
                const char *key = wire_get_string(cursor);
                g_autoptr(GVariant) value = wire_get_value(cursor);

                if (value)
                        g_variant_builder_add(&builder, "{sv}", key, value);
        }
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}

/*
 * What comes behind a revision that was all one wanted is not looked at. Of a result only what is plain is told: what a
 * later regentd may say in it does not make a change undone.
 */
static int take_return(const CallSpec *spec, const WireFrame *frame, QuickReply *ret)
{
        bool has_result = strcmp(spec->reply_type, "(t)") != 0;
        g_auto(QuickReply) reply = {};
        WireCursor cursor;

        if (has_result ? strcmp(frame->signature, "ta{sv}") != 0 : frame->signature[0] != 't') {
                ret->is_of_other_type = true;
                return 0;
        }

        wire_cursor_init(&cursor, frame);
        reply.revision = wire_get_uint64(&cursor);
        if (cursor.is_broken)
                return -EBADMSG;
        if (ret->wants_result && has_result)
                reply.result = get_values(&cursor);

        ret->revision = reply.revision;
        ret->result = g_steal_pointer(&reply.result);
        return 0;
}

static int take_error(const WireFrame *frame, sd_bus_error *reterr)
{
        const char *text = NULL;
        WireCursor cursor;

        wire_cursor_init(&cursor, frame);
        if (frame->signature[0] == 's')
                text = wire_get_text(&cursor);
        if (cursor.is_broken || !frame->error_name || !strchr(frame->error_name, '.'))
                return -EBADMSG;

        return sd_bus_error_set(reterr, frame->error_name, text);
}

static int take(const CallSpec *spec,
                const Intake *intake,
                uint32_t serial,
                sd_bus_error *reterr,
                QuickReply *ret_reply)
{
        WireFrame frame;

        if (!wire_frame_read(intake->bytes, intake->n_bytes, &frame) ||
            frame.n_bytes != intake->n_bytes || frame.reply_serial != serial)
                return -EBADMSG;
        if (frame.type == WIRE_FRAME_RETURN)
                return take_return(spec, &frame, ret_reply);
        if (frame.type == WIRE_FRAME_ERROR)
                return take_error(&frame, reterr);
        return -EBADMSG;
}

static int exchange(Regent *regent,
                    const CallSpec *spec,
                    Intake *intake,
                    uint32_t serial,
                    sd_bus_error *reterr,
                    QuickReply *ret_reply)
{
        int r;

        r = receive(intake);
        if (r >= 0)
                r = take(spec, intake, serial, reterr, ret_reply);
        if (r >= 0 || sd_bus_error_is_set(reterr))
                return r;

        /* What comes next there would be the middle of a message, or nothing at all. */
        if (r != -ETIMEDOUT || intake->n_bytes > 0)
                link_break(regent, regent->channel);
        return sd_bus_error_set_errno(reterr, r);
}

int quick_call(Regent *regent,
               const CallSpec *spec,
               uint64_t deadline_usec,
               sd_bus_error *reterr,
               QuickReply *ret_reply)
{
        uint32_t serial = OWN_SERIALS | regent->n_quick;
        Intake intake;
        WireBytes bytes;
        ssize_t n;
        int r;

        if (!is_fit(regent) || !encode(spec, serial, &bytes))
                return QUICK_UNFIT;

        intake.fd = sd_bus_get_fd(regent->channel);
        n = send(intake.fd, bytes.bytes, bytes.n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return QUICK_UNFIT;

        regent->n_quick = (regent->n_quick + 1) & ~OWN_SERIALS;
        /* Of what is as short as this a socket takes all or nothing; should it ever not, the rest cannot follow. */
        if ((size_t) n < bytes.n_bytes) {
                link_break(regent, regent->channel);
                return sd_bus_error_set_errno(reterr, -ECONNRESET);
        }

        intake.deadline_usec = deadline_usec;
        intake.n_bytes = 0;
        intake.allocated = NULL;
        r = exchange(regent, spec, &intake, serial, reterr, ret_reply);
        g_free(intake.allocated);
        return r;
}
