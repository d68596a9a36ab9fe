/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stream
 */

#include "offline/stream.h"

#include "client/regent-store-stream.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PADDED(n) (((n) + 7) & ~(size_t) 7)

static int write_all(const void *bytes, size_t n_bytes)
{
        errno = 0;
        if (fwrite(bytes, 1, n_bytes, stdout) == n_bytes)
                return 0;
        return errno > 0 ? -errno : -EIO;
}

int stream_put(const char *name, GVariant *body)
{
        static const uint8_t zeros[8];
        g_autoptr(GVariant) message = g_variant_ref_sink(g_variant_new("(sv)", name, body));
        size_t n_bytes = g_variant_get_size(message);
        uint64_t length = GUINT64_TO_LE((uint64_t) n_bytes);
        int r;

        r = write_all(&length, sizeof length);
        if (r == 0)
                r = write_all(g_variant_get_data(message), n_bytes);
        if (r == 0)
                r = write_all(zeros, PADDED(n_bytes) - n_bytes);
        return r;
}

int stream_flush(void)
{
        errno = 0;
        if (fflush(stdout) == 0)
                return 0;
        return errno > 0 ? -errno : -EIO;
}

int stream_get(char **ret_name, GVariant **ret_body)
{
        g_autoptr(GVariant) message = NULL;
        g_autofree void *bytes = NULL;
        uint64_t length;
        size_t n = fread(&length, 1, sizeof length, stdin);

        if (n == 0 && feof(stdin))
                return STREAM_E_END;
        length = GUINT64_FROM_LE(length);
        if (n < sizeof length || length > REGENT_STORE_MESSAGE_BYTES_MAX)
                return -EBADMSG;

        bytes = g_malloc(PADDED((size_t) length));
        if (fread(bytes, 1, PADDED((size_t) length), stdin) < PADDED((size_t) length))
                return -EBADMSG;
        message = g_variant_ref_sink(g_variant_new_from_data(
                G_VARIANT_TYPE("(sv)"), bytes, (size_t) length, FALSE, g_free, bytes));
        bytes = NULL; /* the message's */
        if (!g_variant_is_normal_form(message))
                return -EBADMSG;

        g_variant_get(message, "(sv)", ret_name, ret_body);
        return 0;
}

static int tell(const char *status, const char *text, const char *hint)
{
        g_autofree char *valid = g_utf8_make_valid(text, -1);
        g_autofree char *valid_hint = g_utf8_make_valid(hint ? hint : "", -1);

        (void) stream_put(REGENT_STORE_FAILURE,
                          g_variant_new(REGENT_STORE_FAILURE_TYPE, status, valid, valid_hint));
        (void) stream_flush();
        return -EPROTO;
}

int stream_fail(const char *status, const char *hint, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return tell(status, text, hint);
}

static const char *status_of(int r)
{
        switch (-r) {
        case ENOENT:
        case ENOTDIR:
                return REGENT_STORE_NOT_FOUND;
        case EACCES:
        case EPERM:
                return REGENT_STORE_DENIED;
        case EROFS:
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
                return REGENT_STORE_REFUSED;
        case EBADMSG:
                return REGENT_STORE_INVALID;
        default:
                return REGENT_STORE_OTHER;
        }
}

int stream_fail_errno(int r, const char *what)
{
        if (r == -EPROTO)
                return r;
        return stream_fail(status_of(r), NULL, "%s: %s", what, g_strerror(-r));
}
