/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * View
 *
 *              begin      filled      full            retire      nobody has it
 *   none       -> first   -           -               none        none
 *   first      -          -> live     first, anew     -> none     first
 *   live       -> both    -           -> none         -> none     -> none
 *   both       -          -> live     -> first        -> none     -> first
 *
 * "first" has a next and no live one, "both" has both. What leaves live goes to retired until nobody
 * has it, or at once when nobody does.
 *
 * Filling goes through the keys in their order, a slice at a time. What is changed meanwhile and has
 * been passed is published in the next one too; what lies ahead will be met. A key is published as
 * readers of the state see it after the commit.
 */

#include "view/view.h"

#include "core/namespace-walk.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

#define SLICE_KEYS      512u
#define SLICE_BYTES     (128 * LIMIT_KIB)
#define SLACK_MIN       (2 * LIMIT_KIB)
#define SLACK_MAX       (64 * LIMIT_MIB)
#define RESTARTS_MAX    4u
#define SHORT_LIFE_USEC UINT64_C(1000000) /* longer ones spread what is read over more memory */
#define LONG_LIFE_USEC  UINT64_C(600000000)
#define IDLE_LOOKS_MAX  2u
#define WAKE_MAX        256u
#define RETRY_USEC      UINT64_C(100000)
#define COMPLAINT_BYTES 200u
#define WALK_MAX        65536u /* changes of a commit; with more a new one is filled in slices */

static void edition_destroy(gpointer edition)
{
        edition_free(edition);
}

View *view_new(ViewBudget *budget, Namespace *ns)
{
        View *view = g_new(View, 1);

        *view = (View){
                .budget = budget,
                .ns = namespace_ref(ns),
                .retired = g_ptr_array_new_with_free_func(edition_destroy),
                .changes = g_ptr_array_new(),
                .slack_bytes = SLACK_MIN,
        };
        view->in_views.data = view->in_filling.data = view;
        view->in_told.data = view->in_touched.data = view;
        return view;
}

void view_adopt(View *view, Namespace *ns)
{
        g_assert(!view->live && !view->next);

        namespace_ref(ns);
        namespace_unref(view->ns);
        view->ns = ns;
}

/* What it counted for goes with it. */
static void drop(View *view, Edition **edition)
{
        if (!*edition)
                return;

        view->budget->n_bytes -= generation_bytes((*edition)->generation);
        view->budget->n_editions--;
        *edition = edition_free(*edition);
}

View *view_free(View *view)
{
        if (!view)
                return NULL;

        drop(view, &view->live);
        drop(view, &view->next);
        while (view->retired->len > 0) {
                Edition *edition = g_ptr_array_steal_index(view->retired, view->retired->len - 1);

                drop(view, &edition);
        }
        g_ptr_array_unref(view->retired);
        g_ptr_array_unref(view->changes);
        g_free(view->cursor);
        declaration_unref(view->declaration);
        declaration_unref(view->next_declaration);
        namespace_unref(view->ns);
        g_free(view);
        return NULL;
}

static void set_declaration(Declaration **declaration, Declaration *to)
{
        if (to)
                declaration_ref(to);
        declaration_unref(*declaration);
        *declaration = to;
}

/* One that did not last long is followed by one with more room. */
static void adapt_slack(View *view, uint64_t life_usec)
{
        if (life_usec < SHORT_LIFE_USEC)
                view->slack_bytes = MIN(view->slack_bytes * 4, SLACK_MAX);
        else if (life_usec > LONG_LIFE_USEC)
                view->slack_bytes = MAX(view->slack_bytes / 4, SLACK_MIN);
}

static void retire_live(View *view, RegentViewState state)
{
        Edition *edition = g_steal_pointer(&view->live);

        if (!edition)
                return;

        generation_retire(edition->generation, state);
        adapt_slack(view, view->budget->now_usec - edition->since_usec);
        /* Those beyond look by themselves before long. */
        (void) generation_wake(edition->generation, WAKE_MAX);
        if (generation_is_held(edition->generation))
                g_ptr_array_add(view->retired, edition);
        else
                drop(view, &edition);
}

void view_retire(View *view, RegentViewState state)
{
        retire_live(view, state);
        drop(view, &view->next);
}

static void collect_retired(View *view)
{
        for (guint i = view->retired->len; i > 0; i--) {
                Edition *edition = view->retired->pdata[i - 1];

                if (generation_is_held(edition->generation))
                        continue;
                (void) g_ptr_array_steal_index(view->retired, i - 1);
                drop(view, &edition);
        }
}

void view_collect(View *view)
{
        collect_retired(view);
        if (!view->live)
                return;

        if (generation_is_held(view->live->generation)) {
                view->live->n_idle_looks = 0;
                return;
        }

        edition_discharge(view->live);
        if (!view->is_being_opened && ++view->live->n_idle_looks >= IDLE_LOOKS_MAX)
                drop(view, &view->live);
}

/* filling */

static uint64_t n_visible(const Namespace *ns)
{
        uint64_t n = (uint64_t) g_tree_nnodes(ns->entries);

        return ns->declaration ? n + ns->declaration->fallbacks->len : n;
}

static GenerationShape shape_for(const View *view, bool is_tight)
{
        uint64_t n_keys = n_visible(view->ns);
        /* What an entry takes in a reply has 24 bytes beside key, type and value, a record 48 at most (or is large). */
        uint64_t n_bytes = namespace_reply_bytes(view->ns) * 9 / 8 + 24 * n_keys;

        n_bytes += is_tight ? n_bytes / 8 : MAX(n_bytes / 2, view->slack_bytes);
        return (GenerationShape){ n_keys + 8, n_bytes << view->n_restarts };
}

static bool has_room(const ViewBudget *budget, const GenerationShape *shape)
{
        uint64_t n_bytes = generation_bytes_of(shape), max = budget->limits->view_memory;

        return n_bytes > 0 && budget->n_bytes <= max && n_bytes <= max - budget->n_bytes &&
               budget->n_editions < MIN(budget->limits->views, budget->n_editions_max);
}

bool view_is_held_by(const View *view, uint32_t uid)
{
        guint n = 0;

        for (guint i = 0; i < view->retired->len; i++)
                n += edition_was_lent_to(view->retired->pdata[i], uid);
        return n >= VIEW_EDITIONS_MAX;
}

/* Of a uid alone nobody knows whether it has what it was given. */
static void complain(View *view)
{
        g_autoptr(GString) uids = g_string_new(NULL);
        GHashTableIter iter;
        gpointer uid;

        if (view->is_complained_of || view->retired->len == 0)
                return;

        view->is_complained_of = true;
        g_hash_table_iter_init(&iter, ((const Edition *) view->retired->pdata[0])->uids);
        while (g_hash_table_iter_next(&iter, &uid, NULL) && uids->len < COMPLAINT_BYTES)
                if (view_is_held_by(view, GPOINTER_TO_UINT(uid)))
                        g_string_append_printf(uids, " %u", GPOINTER_TO_UINT(uid));
        log_notice(
                "Somebody keeps as many old views of '%s' as there may be; of those who were given "
                "them, by uid:%s",
                view->ns->name, uids->len > 0 ? uids->str : " none has all");
}

static bool may_make_next(View *view)
{
        if (view->retired->len + (view->live ? 1 : 0) < VIEW_EDITIONS_MAX) {
                view->is_complained_of = false;
                return true;
        }
        if (!view->live)
                complain(view);
        return view->may_exceed;
}

static int make_next(View *view)
{
        ViewBudget *budget = view->budget;
        GenerationShape shape = shape_for(view, false);
        int r;

        collect_retired(view);
        if (!may_make_next(view))
                return VIEW_E_HELD;
        if (!has_room(budget, &shape)) {
                shape = shape_for(view, true);
                if (!has_room(budget, &shape))
                        return VIEW_E_NO_ROOM;
        }

        r = edition_new(&view->next, &shape, budget->last_number + 1,
                        state_accounts(budget->state));
        if (r < 0)
                return r == -EFBIG ? VIEW_E_NO_ROOM : r;

        budget->last_number++;
        budget->n_bytes += generation_bytes(view->next->generation);
        budget->n_editions++;
        return 0;
}

int view_begin(View *view)
{
        int r;

        g_assert(!view->next);

        r = make_next(view);
        if (r != 0) {
                view->not_before_usec = view->budget->now_usec + RETRY_USEC;
                return r;
        }

        g_free(view->cursor);
        view->cursor = g_strdup("");
        view->access = view->ns->access;
        set_declaration(&view->next_declaration, view->ns->declaration);
        return 0;
}

/* There was not room enough, for the namespace grew. */
static int begin_anew(View *view)
{
        int r;

        drop(view, &view->next);
        if (++view->n_restarts > RESTARTS_MAX) {
                view->n_restarts = 0;
                return VIEW_E_NO_ROOM;
        }

        r = view_begin(view);
        return r == 0 ? VIEW_E_UNDER_WAY : r;
}

static void go_live(View *view)
{
        retire_live(view, REGENT_VIEW_FULL);
        view->live = g_steal_pointer(&view->next);
        view->live->since_usec = view->budget->now_usec;
        view->live->since_free_bytes = generation_free_bytes(view->live->generation);
        view->n_restarts = 0;
        set_declaration(&view->declaration, view->ns->declaration);
}

int view_fill(View *view)
{
        Generation *generation = view->next->generation;
        Entry *entry = NULL, *last = NULL;
        uint64_t n_bytes = 0;
        NamespaceWalk walk;
        int r = 0;

        namespace_walk_begin(&walk, view->ns, "", view->cursor, NAMESPACE_WALK_ALL);
        for (unsigned n = 0; r == 0 && n < SLICE_KEYS && n_bytes < SLICE_BYTES; n++) {
                entry = namespace_walk_next(&walk);
                if (!entry)
                        break;

                r = generation_put(generation, entry);
                n_bytes += entry->value_bytes;
                last = entry;
        }
        if (r == 0)
                r = generation_publish(generation, view->ns->revision);
        if (r == GENERATION_E_FULL)
                return begin_anew(view);

        if (entry) {
                g_free(view->cursor);
                view->cursor = g_strdup(entry_key(last));
                return VIEW_E_UNDER_WAY;
        }

        go_live(view);
        return 0;
}

/* publishing */

static int publish_key(const View *view, Generation *generation, const char *key)
{
        const Entry *entry;

        if (view->next && generation == view->next->generation && strcmp(key, view->cursor) > 0)
                return 0;

        entry = namespace_read(view->ns, key, NAMESPACE_WALK_ALL);
        return entry ? generation_put(generation, entry) : generation_remove(generation, key);
}

static int publish_change(const View *view, Generation *generation, const NamespaceChange *change)
{
        for (guint i = 0; change->entries && i < change->entries->len; i++) {
                int r = publish_key(view, generation, entry_key(change->entries->pdata[i]));

                if (r != 0)
                        return r;
        }

        return 0;
}

static bool publish_changes(const View *view, const Edition *edition)
{
        for (guint i = 0; i < view->changes->len; i++)
                if (publish_change(view, edition->generation, view->changes->pdata[i]) != 0)
                        return false;

        return generation_publish(edition->generation, view->ns->revision) == 0;
}

static uint64_t n_changed(const View *view)
{
        uint64_t n = 0;

        for (guint i = 0; i < view->changes->len; i++) {
                const NamespaceChange *change = view->changes->pdata[i];

                n += change->entries ? change->entries->len : 0;
        }
        return n;
}

void view_publish(View *view)
{
        bool is_too_much = n_changed(view) > WALK_MAX;

        if (view->next && (is_too_much || view->next_declaration != view->ns->declaration))
                drop(view, &view->next);
        if (view->live && view->declaration != view->ns->declaration)
                view_publish_declaration(view);

        if (view->live && (is_too_much || !publish_changes(view, view->live)))
                retire_live(view, REGENT_VIEW_FULL);
        /* When the next one is full, view_fill() finds out. */
        if (view->next)
                (void) publish_changes(view, view->next);
}

static int publish_defaults(const View *view,
                            Generation *generation,
                            const Declaration *declaration)
{
        for (guint i = 0; declaration && i < declaration->fallbacks->len; i++) {
                int r = publish_key(view, generation, entry_key(declaration->fallbacks->pdata[i]));

                if (r != 0)
                        return r;
        }

        return 0;
}

static bool publish_declaration(const View *view, Edition *edition, const Declaration *before)
{
        Generation *generation = edition->generation;

        return publish_defaults(view, generation, before) == 0 &&
               publish_defaults(view, generation, view->ns->declaration) == 0 &&
               generation_publish(generation, view->ns->revision) == 0;
}

void view_publish_declaration(View *view)
{
        /* What was declared when the filling of the next one began is not known: it begins anew. */
        drop(view, &view->next);
        if (!view->live)
                return;
        if (!publish_declaration(view, view->live, view->declaration)) {
                retire_live(view, REGENT_VIEW_FULL);
                return;
        }

        set_declaration(&view->declaration, view->ns->declaration);
}

bool view_wake(const View *view, unsigned n)
{
        return view->live && generation_wake(view->live->generation, n) >= n;
}
