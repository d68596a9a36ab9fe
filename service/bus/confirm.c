/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Confirmed change
 *
 * The token is made here, told to the writer in its reply, and kept nowhere: the state and the disk
 * have its digest, which makes nobody able to confirm.
 */

#include "bus/confirm.h"

#include "bus/bus-error.h"
#include "bus/flow.h"
#include "bus/options.h"
#include "bus/write.h"
#include "core/confirmation.h"
#include "util/auto.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-id128.h>
#include <time.h>

#define REVISION_DIGITS_MAX 20u

static uint64_t now_boottime_usec(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static void digest_token(const char *token, uint8_t *ret_digest)
{
        g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
        gsize n_bytes = PENDING_DIGEST_BYTES;

        g_checksum_update(checksum, (const guchar *) token, CONFIRMATION_TOKEN_BYTES);
        g_checksum_get_digest(checksum, ret_digest, &n_bytes);
        g_assert(n_bytes == PENDING_DIGEST_BYTES);
}

static int make_token(char *ret_token)
{
        uint8_t random[CONFIRMATION_TOKEN_BYTES / 2];
        ssize_t n;

        do
                n = getrandom(random, sizeof random, 0);
        while (n < 0 && errno == EINTR);
        if (n != (ssize_t) sizeof random)
                return n < 0 ? -errno : -EIO;

        for (size_t i = 0; i < sizeof random; i++)
                (void) g_snprintf(ret_token + 2 * i, 3, "%02x", random[i]);
        explicit_bzero(random, sizeof random);
        return 0;
}

static int make_wish(ConfirmationWish **ret_wish, uint64_t timeout_usec)
{
        g_autofree ConfirmationWish *wish = g_new0(ConfirmationWish, 1);
        sd_id128_t boot_id;
        int r;

        r = make_token(wish->token);
        if (r < 0)
                return r;
        r = sd_id128_get_boot(&boot_id);
        if (r < 0)
                return r;

        digest_token(wish->token, wish->digest);
        memcpy(wish->boot_id, &boot_id, sizeof wish->boot_id);
        wish->deadline_usec = now_boottime_usec() + timeout_usec;
        *ret_wish = g_steal_pointer(&wish);
        return 0;
}

int confirm_read_option(ChangeSet *set,
                        sd_bus_message *m,
                        const char *name,
                        sd_bus_error *reterr_bus)
{
        uint64_t timeout_usec;
        int r;

        if (strcmp(name, "confirm-timeout-usec") != 0)
                return option_unknown(name, reterr_bus);

        r = option_read_uint64(m, name, &timeout_usec, reterr_bus);
        if (r < 0)
                return r;
        if (timeout_usec == 0 || timeout_usec > LIMIT_CONFIRM_USEC)
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                     "Option '%s' is 1 to %" PRIu64
                                                     ", which is an hour",
                                                     name, LIMIT_CONFIRM_USEC));

        return make_wish(&set->confirmation, timeout_usec);
}

static bool is_token(const char *text)
{
        return strnlen(text, CONFIRMATION_TOKEN_BYTES + 1) == CONFIRMATION_TOKEN_BYTES;
}

static PendingChange *find_by_token(const BusService *service, const char *token)
{
        uint8_t digest[PENDING_DIGEST_BYTES];

        if (!is_token(token))
                return NULL;

        digest_token(token, digest);
        return pending_changes_find(state_pending(service->state), digest);
}

static bool is_owner_of_all(const BusService *service, uint32_t uid, const PendingChange *change)
{
        for (guint i = 0; i < change->ways_back->len; i++) {
                const WayBack *way_back = change->ways_back->pdata[i];
                const Namespace *ns = state_lookup(service->state, way_back->name);

                if (!ns || ns->access.owner != uid)
                        return false;
        }

        return true;
}

static PendingChange *find_by_revision(const BusService *service,
                                       const Caller *caller,
                                       const char *text)
{
        PendingChange *change;
        guint64 revision;

        if (strnlen(text, REVISION_DIGITS_MAX + 1) > REVISION_DIGITS_MAX ||
            !g_ascii_string_to_unsigned(text, 10, 1, UINT64_MAX, &revision, NULL))
                return NULL;

        change = pending_changes_lookup(state_pending(service->state), revision);
        if (!change || (caller->uid != 0 && !is_owner_of_all(service, caller->uid, change)))
                return NULL;
        return change;
}

static bool is_of_this_boot(const PendingChange *change)
{
        sd_id128_t boot_id;

        return sd_id128_get_boot(&boot_id) >= 0 &&
               memcmp(&boot_id, change->boot_id, sizeof boot_id) == 0;
}

/* 0: its time is up, though it may take a disk that works to undo it. */
static uint64_t usec_until_over(const PendingChange *change)
{
        uint64_t now = now_boottime_usec();

        if (!is_of_this_boot(change))
                return 0;
        return change->deadline_usec > now ? change->deadline_usec - now : 0;
}

static int settle(BusService *service,
                  sd_bus_message *m,
                  const WriteMethod *method,
                  const Caller *caller,
                  const PendingChange *change,
                  CommitSettlement settlement,
                  sd_bus_error *reterr_bus)
{
        g_autoptr(ChangeSet) set = change_set_new(CHANGE_SET_SETTLE);

        if (!change)
                return bus_refused(
                        bus_error_set(reterr_bus, CORE_E_NOT_CONFIRMED, CONFIRMATION_UNKNOWN_TEXT));

        set->writer_uid = caller->uid;
        set->settles = change->revision;
        set->settlement = settlement;
        set->is_other_boot = !is_of_this_boot(change);
        if (settlement == COMMIT_UNDOES)
                set->reason = g_strdup("cancelled");
        return write_submit(service, m, method, g_steal_pointer(&set), reterr_bus);
}

int confirm_method_confirm(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = confirm_method_confirm,
                .verb = "ConfirmChange",
                .append_reply = write_reply_revision,
        };
        BusService *service = userdata;
        const PendingChange *change;
        const char *token;
        Caller *caller;
        int r;

        r = sd_bus_message_read_basic(m, 's', (void *) &token);
        if (r < 0)
                return r;
        r = authorizer_identify(service, m, confirm_method_confirm, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        change = find_by_token(service, token);
        if (change && usec_until_over(change) == 0)
                change = NULL;
        return settle(service, m, &method, caller, change, COMMIT_CONFIRMS, reterr_bus);
}

int confirm_method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = confirm_method_cancel,
                .verb = "CancelChange",
                .append_reply = write_reply_revision,
        };
        BusService *service = userdata;
        const PendingChange *change;
        const char *token;
        Caller *caller;
        int r;

        r = sd_bus_message_read_basic(m, 's', (void *) &token);
        if (r < 0)
                return r;
        r = authorizer_identify(service, m, confirm_method_cancel, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        change = find_by_token(service, token);
        if (!change)
                change = find_by_revision(service, caller, token);
        return settle(service, m, &method, caller, change, COMMIT_UNDOES, reterr_bus);
}

/* listing */

typedef struct Page {
        uint64_t after;
        uint32_t limit; /* 0: none */
} Page;

static int read_page_option(sd_bus_message *m,
                            const char *name,
                            void *userdata,
                            sd_bus_error *reterr_bus)
{
        Page *page = userdata;

        if (strcmp(name, "after") == 0)
                return option_read_uint64(m, name, &page->after, reterr_bus);
        if (strcmp(name, "limit") == 0)
                return option_read_uint32(m, name, &page->limit, reterr_bus);
        return option_unknown(name, reterr_bus);
}

static bool may_see(const BusService *service, const Caller *caller, const PendingChange *change)
{
        for (guint i = 0; i < change->ways_back->len; i++) {
                const WayBack *way_back = change->ways_back->pdata[i];
                const Namespace *ns = state_lookup(service->state, way_back->name);

                if (!ns || !authorizer_may_list(caller, ns))
                        return false;
        }

        return true;
}

static int append_namespaces(sd_bus_message *reply, const PendingChange *change, uint64_t *n_bytes)
{
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "namespaces");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (guint i = 0; r >= 0 && i < change->ways_back->len; i++) {
                const WayBack *way_back = change->ways_back->pdata[i];

                *n_bytes += 8 + strlen(way_back->name);
                r = sd_bus_message_append_basic(reply, 's', way_back->name);
        }
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_change(sd_bus_message *reply, const PendingChange *change, uint64_t *n_bytes)
{
        char revision[REVISION_DIGITS_MAX + 1];
        uint64_t remaining_usec = usec_until_over(change);
        int r;

        (void) g_snprintf(revision, sizeof revision, "%" PRIu64, change->revision);
        *n_bytes += 200;
        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', revision);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_namespaces(reply, change, n_bytes);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "uid", "u", change->writer_uid,
                                          "deadline-usec", "t", change->deadline_usec,
                                          "remaining-usec", "t", remaining_usec);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* -E2BIG: too much for one reply. */
static int append_changes(sd_bus_message *reply,
                          const BusService *service,
                          const Caller *caller,
                          const Page *page,
                          uint64_t *ret_n_bytes)
{
        const GPtrArray *all = pending_changes_all(state_pending(service->state));
        uint64_t n_bytes = LIMIT_KIB;
        uint32_t n = 0;

        for (guint i = 0; i < all->len && (page->limit == 0 || n < page->limit); i++) {
                const PendingChange *change = all->pdata[i];
                int r;

                if (change->revision <= page->after || !may_see(service, caller, change))
                        continue;
                r = append_change(reply, change, &n_bytes);
                if (r < 0)
                        return r;
                if (n_bytes > service->limits->reply_bytes)
                        return -E2BIG;
                n++;
        }

        *ret_n_bytes = n_bytes;
        return 0;
}

int confirm_method_list(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autoptr(sd_bus_message) reply = NULL;
        uint64_t n_bytes = 0;
        Page page = { 0 };
        Caller *caller;
        int r;

        r = options_read(m, read_page_option, &page, reterr_bus);
        if (r < 0)
                return r;
        r = authorizer_identify(service, m, confirm_method_list, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_changes(reply, service, caller, &page, &n_bytes);
        if (r == -E2BIG)
                return bus_refused(sd_bus_error_set(
                        reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "Too many changes for one reply: give a limit, and go on behind the last "
                        "revision with 'after'"));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;

        r = flow_admit_all(service, m, confirm_method_list, n_bytes, reterr_bus);
        return r != 0 ? r : flow_send(service, m, reply, n_bytes);
}
