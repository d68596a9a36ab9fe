/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quota
 */

#include "core/quota.h"

#include "core/outcome.h"

#include <glib.h>
#include <inttypes.h>

G_GNUC_PRINTF(2, 3)
static int refuse(char **reterr_text, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        *reterr_text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return CORE_E_QUOTA_EXCEEDED;
}

static bool is_growth(const QuotaMore *more)
{
        return (int64_t) more->keys > 0 || (int64_t) more->bytes > 0;
}

void quota_add_owned(QuotaOwned *owned, uint32_t owner, const QuotaMore *more)
{
        size_t i = 0;

        while (i < owned->n_owners && owned->owners[i].uid != owner)
                i++;
        if (i == owned->n_owners) {
                g_assert(i < G_N_ELEMENTS(owned->owners));
                owned->owners[i].uid = owner;
                owned->owners[i].more = (QuotaMore){ 0 };
                owned->n_owners++;
        }
        owned->owners[i].more.keys += more->keys;
        owned->owners[i].more.bytes += more->bytes;
}

int quota_check_namespace(const Overlay *overlay,
                          const Limits *limits,
                          const Namespace *ns,
                          const QuotaMore *more,
                          char **reterr_text)
{
        uint64_t n_keys, usage;

        if (!is_growth(more))
                return 0;

        n_keys = overlay_n_keys(overlay, ns) + more->keys;
        usage = overlay_usage(overlay, ns) + more->bytes;
        if ((int64_t) more->keys > 0 && n_keys > namespace_quota_keys(ns, limits))
                return refuse(reterr_text,
                              "'%s' would have %" PRIu64 " keys, its quota is %" PRIu64, ns->name,
                              n_keys, namespace_quota_keys(ns, limits));
        if ((int64_t) more->bytes > 0 && usage > namespace_quota_bytes(ns, limits))
                return refuse(reterr_text,
                              "'%s' would have %" PRIu64 " bytes, its quota is %" PRIu64, ns->name,
                              usage, namespace_quota_bytes(ns, limits));
        return 0;
}

static int check_owned(const Overlay *overlay,
                       const Limits *limits,
                       uint32_t owner,
                       const QuotaMore *more,
                       char **reterr_text)
{
        uint64_t n_keys, n_bytes;

        if (owner == 0 || !is_growth(more))
                return 0;

        n_keys = overlay_owned_keys(overlay, owner) + more->keys;
        n_bytes = overlay_owned_bytes(overlay, owner) + more->bytes;
        if ((int64_t) more->keys > 0 && n_keys > limits->uid_keys)
                return refuse(reterr_text,
                              "uid %" PRIu32 " would own %" PRIu64 " keys, a uid may own %" PRIu64,
                              owner, n_keys, limits->uid_keys);
        if ((int64_t) more->bytes > 0 && n_bytes > limits->uid_bytes)
                return refuse(reterr_text,
                              "uid %" PRIu32 " would own %" PRIu64 " bytes, a uid may own %" PRIu64,
                              owner, n_bytes, limits->uid_bytes);
        return 0;
}

int quota_check_owners(const Overlay *overlay,
                       const Limits *limits,
                       const QuotaOwned *owned,
                       char **reterr_text)
{
        for (size_t i = 0; i < owned->n_owners; i++) {
                int r = check_owned(overlay, limits, owned->owners[i].uid, &owned->owners[i].more,
                                    reterr_text);

                if (r != 0)
                        return r;
        }

        return 0;
}
