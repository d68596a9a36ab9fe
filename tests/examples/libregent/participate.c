/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Has a say in the settings of a router: objects to an MTU that its
 * hardware cannot do, and puts every other into effect.
 *
 * $ cc -o participate participate.c \
 *        $(pkg-config --cflags --libs regent)
 */

#include <regent/regent.h>
#include <stdio.h>

#define NAME    "org.example.Router"
#define MTU_MAX 9000

typedef struct Router {
        Regent *regent;
        guint32 mtu;    /* in effect; 0: none */
        guint32 wanted; /* of the change that was agreed to */
} Router;

static void put_into_effect(Router *router, guint32 mtu)
{
        router->mtu = mtu;
        printf("mtu %u in effect\n", mtu);
}

/* What was set while this was not asked. */
static void take_over(Router *router, GVariant *values)
{
        guint32 mtu = 0;

        (void) g_variant_lookup(values, "mtu", "u", &mtu);
        put_into_effect(router, mtu);
}

static void on_prepare(Router *router,
                       RegentParticipant *participant,
                       const RegentParticipantEvent *event)
{
        int r;

        router->wanted = router->mtu;
        (void) g_variant_lookup(event->values, "mtu", "u",
                                &router->wanted);
        if (router->wanted > MTU_MAX)
                r = regent_participant_object(
                        participant, event->transaction,
                        "The hardware does 9000 at most");
        else
                r = regent_participant_agree(participant,
                                             event->transaction);
        if (r < 0)
                fprintf(stderr, "%s\n",
                        regent_error_text(router->regent));
}

static void on_event(RegentParticipant *participant,
                     const RegentParticipantEvent *event,
                     void *userdata)
{
        Router *router = userdata;

        switch (event->kind) {
        case REGENT_PARTICIPANT_REGISTERED:
                take_over(router, event->values);
                break;
        case REGENT_PARTICIPANT_PREPARE:
                on_prepare(router, participant, event);
                break;
        case REGENT_PARTICIPANT_COMMIT:
                if (event->transaction)
                        put_into_effect(router, router->wanted);
                break;
        case REGENT_PARTICIPANT_REFUSED:
                fprintf(stderr, "%s: %s\n",
                        regent_error_name(router->regent),
                        regent_error_text(router->regent));
                break;
        default: /* ABORT, AWAY, and what later versions add */
                break;
        }
        fflush(stdout);
}

int main(void)
{
        g_autoptr(Regent) regent = regent_new();
        Router router = { .regent = regent };
        g_autoptr(RegentParticipant) participant =
                regent_participant_new(regent, NAME, "mtu", on_event,
                                       &router);
        int r;

        r = regent_open(regent);
        if (r >= 0)
                r = regent_participant_start(participant);
        while (r >= 0)
                r = regent_wait(regent, UINT64_MAX);

        fprintf(stderr, "%s: %s\n", regent_error_name(regent),
                regent_error_text(regent));
        return 1;
}
