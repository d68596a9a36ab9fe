/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file of namespaces.d says what its lines say; everything that is wrong in it is named with its
 * line, and then it says nothing.
 */

#include "declaration-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A user that only a server knows, which does not answer. */
#define AWAY "user-of-a-server"

typedef struct Fixture {
        char *directory;
        char *path;
        Limits limits;
        char *name;
        Declaration *declaration; /* NULL: the file was wrong */
        GPtrArray *complaints;
} Fixture;

/* In place of the C library's. There are no users but uids. */
int getpwnam_r(const char *name,
               struct passwd *record G_GNUC_UNUSED,
               char *buffer G_GNUC_UNUSED,
               size_t n_bytes G_GNUC_UNUSED,
               struct passwd **ret_found)
{
        *ret_found = NULL;
        return strcmp(name, AWAY) == 0 ? EIO : 0;
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->directory = g_dir_make_tmp("regent-declaration-XXXXXX", NULL);
        g_assert_nonnull(f->directory);
        f->path = g_build_filename(f->directory, "org.example.Router.conf", NULL);
        f->complaints = g_ptr_array_new_with_free_func(g_free);
        limits_init(&f->limits);
}

static void forget(Fixture *f)
{
        g_clear_pointer(&f->name, g_free);
        g_clear_pointer(&f->declaration, declaration_unref);
        g_ptr_array_set_size(f->complaints, 0);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        forget(f);
        (void) g_unlink(f->path);
        g_assert_cmpint(g_rmdir(f->directory), ==, 0);
        g_ptr_array_unref(f->complaints);
        g_free(f->directory);
        g_free(f->path);
}

static int load_path(Fixture *f, const char *path)
{
        forget(f);
        return declaration_file_load(path, &f->limits, f->complaints, &f->name, &f->declaration);
}

static int load_bytes(Fixture *f, const char *text, size_t n_bytes)
{
        g_assert_true(g_file_set_contents(f->path, text, (gssize) n_bytes, NULL));
        return load_path(f, f->path);
}

static void load(Fixture *f, const char *text)
{
        int r = load_bytes(f, text, strlen(text));

        if (r != 0)
                g_test_message("%s", (const char *) f->complaints->pdata[0]);
        g_assert_cmpint(r, ==, 0);
        g_assert_cmpuint(f->complaints->len, ==, 0);
        g_assert_cmpstr(f->name, ==, "org.example.Router");
}

/* @complaints: "LINE: text\n" of each that the file is to get. */
static void assert_wrong(Fixture *f, const char *text, const char *complaints)
{
        g_autoptr(GString) found = g_string_new(NULL);

        g_assert_cmpint(load_bytes(f, text, strlen(text)), ==, DECLARATION_FILE_E_WRONG);
        g_assert_null(f->declaration);
        for (guint i = 0; i < f->complaints->len; i++) {
                const char *complaint = f->complaints->pdata[i];

                g_assert_true(g_str_has_prefix(complaint, f->path));
                g_string_append_printf(found, "%s\n", complaint + strlen(f->path) + 1);
        }
        g_assert_cmpstr(found->str, ==, complaints);
}

/* A [Key k] of type u on lines 1 and 2, @settings from line 3 on. */
static void assert_wrong_key(Fixture *f, const char *settings, const char *complaints)
{
        g_autofree char *text = g_strconcat("[Key k]\nType=u\n", settings, "\n", NULL);

        assert_wrong(f, text, complaints);
}

static const Rule *rule(const Fixture *f, const char *key)
{
        const Rule *found = declaration_rule(f->declaration, key);

        g_assert_nonnull(found);
        return found;
}

static void assert_value(GVariant *value, const char *expected)
{
        g_autofree char *text = g_variant_print(value, TRUE);

        g_assert_cmpstr(text, ==, expected);
}

/* Who is known is no fault of the file: the rest of it counts. */
static void test_owners_that_are_not_known_are_left_out_alone(Fixture *f,
                                                              gconstpointer unused G_GNUC_UNUSED)
{
        static const char text[] =
                "[Namespace]\nOwner=no-such-user\nMode=0600\nGroup=no-such-group\n"
                "[Key k]\nLocked=yes\n";
        g_autofree char *first = g_strconcat(
                f->path, ":2: Owner cannot be 'no-such-user': there is no such user", NULL);

        g_assert_cmpint(load_bytes(f, text, strlen(text)), ==, 0);
        g_assert_cmpuint(f->complaints->len, ==, 2);
        g_assert_cmpstr(f->complaints->pdata[0], ==, first);
        g_assert_cmpuint(f->declaration->access_fields, ==, ACCESS_MODE);
        g_assert_true(rule(f, "k")->is_locked);

        load(f, "[Namespace]\nGroup=none\n");
        g_assert_cmpuint(f->declaration->access_fields, ==, ACCESS_GROUP);
        g_assert_cmpuint(f->declaration->access.group, ==, NAMESPACE_NO_GROUP);
}

static void test_a_user_that_cannot_be_looked_up_is_told_apart(Fixture *f,
                                                               gconstpointer unused G_GNUC_UNUSED)
{
        static const char text[] = "[Namespace]\nOwner=" AWAY "\n[Key k]\n";

        g_assert_cmpint(load_bytes(f, text, strlen(text)), ==, 0);
        g_assert_cmpuint(f->complaints->len, ==, 1);
        g_assert_nonnull(strstr(f->complaints->pdata[0], "looked up: Input/output error"));
        g_assert_cmpuint(f->declaration->access_fields, ==, 0);
}

static void test_complaints_are_bounded(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GString) text = g_string_new(NULL);
        const char *last;

        for (int i = 0; i < 1000; i++)
                g_string_append(text, "x\n");
        g_assert_cmpint(load_bytes(f, text->str, text->len), ==, DECLARATION_FILE_E_WRONG);
        g_assert_cmpuint(f->complaints->len, ==, 101);
        last = f->complaints->pdata[100];
        g_assert_true(g_str_has_suffix(last, ".conf: 900 more errors"));
}

static void test_what_is_odd_in_a_name_is_escaped(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *odd = g_build_filename(f->directory, "a.\x1b[31m\n\xff.conf", NULL);
        g_autofree char *expected = g_build_filename(
                f->directory, "a.\\u001b[31m\\u000a\xef\xbf\xbd.conf: the file cannot be read",
                NULL);

        g_assert_cmpint(load_path(f, odd), ==, DECLARATION_FILE_E_WRONG);
        g_assert_true(g_str_has_prefix(f->complaints->pdata[0], expected));
}

static void test_everything_is_read(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GVariant) fallback = NULL;

        load(f, "# a comment\n; another\n\n"
                "  [Namespace]  \n"
                "Owner = 4001\n"
                "Group=root\n"
                "Mode=0640\n"
                "QuotaKeys=1K\n"
                "QuotaBytes=2M\r\n"
                "[Key mtu]\n"
                "Default=1500\n"
                "Type=u\n"
                "Minimum=68\n"
                "Maximum=9216\n"
                "Allowed=[1400, 1500]\n"
                "Locked=yes\n"
                "WriteOnce=true\n"
                "[Key name]\nType=s\nLengthMinimum=1\nLengthMaximum=4K\nLocked=no\n"
                "[Key  if/*?  ]\nType=as");
        g_assert_cmpuint(f->declaration->access_fields, ==,
                         ACCESS_OWNER | ACCESS_GROUP | ACCESS_MODE | ACCESS_QUOTA_KEYS |
                                 ACCESS_QUOTA_BYTES);
        g_assert_cmpuint(f->declaration->access.owner, ==, 4001);
        g_assert_cmpuint(f->declaration->access.group, ==, 0);
        g_assert_cmpuint(f->declaration->access.mode, ==, 0640);
        g_assert_cmpuint(f->declaration->access.quota_keys, ==, 1024);
        g_assert_cmpuint(f->declaration->access.quota_bytes, ==, 2 * LIMIT_MIB);
        g_assert_cmpstr(f->declaration->path, ==, f->path);

        fallback = entry_value(rule(f, "mtu")->fallback);
        assert_value(fallback, "uint32 1500");
        assert_value(rule(f, "mtu")->minimum, "uint32 68");
        assert_value(rule(f, "mtu")->maximum, "uint32 9216");
        assert_value(rule(f, "mtu")->allowed, "[uint32 1400, 1500]");
        g_assert_true(rule(f, "mtu")->is_locked && rule(f, "mtu")->is_write_once);
        g_assert_cmpuint(rule(f, "name")->length_minimum, ==, 1);
        g_assert_cmpuint(rule(f, "name")->length_maximum, ==, 4096);
        g_assert_false(rule(f, "name")->is_locked || rule(f, "name")->is_write_once);
        g_assert_cmpstr(rule(f, "if/eth0")->type, ==, "as");
        g_assert_null(declaration_rule(f->declaration, "if/"));
}

static void test_nothing_is_a_declaration_too(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        load(f, "");
        g_assert_cmpuint(f->declaration->access_fields, ==, 0);
        g_assert_null(declaration_rule(f->declaration, "k"));
        load(f, "[Namespace]\n[Key k]\n");
        g_assert_null(rule(f, "k")->type);
}

static void test_every_error_is_named_with_its_line(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        assert_wrong(f,
                     "Owner=0\n"
                     "[Servise]\n"
                     "Owner=0\n"
                     "[Namespace]\n"
                     "Owner=no-such-user\n"
                     "Owner=0\n"
                     "Group=no-such-group\n"
                     "Mode=0666\n"
                     "QuotaKeys=many\n"
                     "QuotaBytes=-1\n"
                     "Color=blue\n"
                     "just words\n"
                     "[Namespace]\n"
                     "[Key]\n"
                     "[Key a b]\n"
                     "[Key k]\n"
                     "Default=7\n"
                     "[Key k]\n"
                     "Typo=u\n"
                     "Type=u\n"
                     "Type=s\n"
                     "Default='x'\n",
                     "1: 'Owner' is set outside of every known section\n"
                     "2: there is no section '[Servise]'\n"
                     "3: 'Owner' is set outside of every known section\n"
                     "5: Owner cannot be 'no-such-user': there is no such user\n"
                     "6: Owner is set twice\n"
                     "7: Group cannot be 'no-such-group': there is no such group\n"
                     "8: Mode cannot be '0666': it is octal, and at most the bits of 0664\n"
                     "9: QuotaKeys cannot be 'many': it is not a number\n"
                     "10: QuotaBytes cannot be '-1': it is not a size\n"
                     "11: there is no setting 'Color' in this section\n"
                     "12: 'just words' is not a section, a setting or a comment\n"
                     "13: [Namespace] stands twice\n"
                     "14: there is no section '[Key]'\n"
                     "15: [Key 'a b'] is neither a key nor a pattern of keys\n"
                     "17: Default needs a Type\n"
                     "18: [Key 'k'] stands twice\n"
                     "19: there is no setting 'Typo' in this section\n"
                     "21: Type is set twice in this section\n"
                     "22: Default cannot be ''x'': 0-3:can not parse as value of type 'u'\n");
}

static void test_types_are_types_of_d_bus(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const char *const good[] = { "y", "s", "a{sv}", "(s(iu)av)", "aay", "v", "g" };
        static const char *const bad[] = { "",  "h",  "ah",    "ms",  "su", "()", "{sv}",  "a",
                                           "*", "uu", "a{vs}", "(h)", "r",  "z",  "({sv})" };

        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autofree char *text = g_strdup_printf("[Key k]\nType=%s\n", good[i]);

                load(f, text);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("[Key k]\nType=%s\nDefault=1\n", bad[i]);
                g_autofree char *complaint = g_strdup_printf(
                        "2: Type cannot be '%s': it is not one complete D-Bus type without 'h'\n",
                        bad[i]);

                assert_wrong(f, text, complaint);
        }
}

static void test_values_fit_their_types(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        assert_wrong_key(f, "Default=-1",
                         "3: Default cannot be '-1': 0-2:number out of range for type 'u'\n");
        assert_wrong_key(f, "Default=", "3: Default cannot be '': 0:expected value\n");
        assert_wrong_key(f, "Default=1 2", "3: Default cannot be '1 2': 2:expected end of input\n");
        assert_wrong_key(f, "Minimum=1.5",
                         "3: Minimum cannot be '1.5': 1-2:invalid character in number\n");
        assert_wrong_key(f, "Minimum=9\nMaximum=8",
                         "4: Maximum cannot be '8': it is less than Minimum\n");
        assert_wrong_key(f, "Allowed=[]", "3: Allowed cannot be '[]': nothing would be allowed\n");
        assert_wrong_key(f, "Allowed=1",
                         "3: Allowed cannot be '1': 0-1:can not parse as value of type 'au'\n");
        assert_wrong_key(f, "LengthMaximum=1", "3: LengthMaximum needs a Type that it goes with\n");
        assert_wrong_key(f, "Locked=maybe",
                         "3: Locked cannot be 'maybe': it is neither yes nor no\n");
        assert_wrong(f, "[Key k]\nType=s\nMinimum='a'\n",
                     "3: Minimum needs a Type that it goes with\n");
        assert_wrong(f, "[Key k]\nType=d\nMinimum=nan\n",
                     "3: Minimum cannot be 'nan': it is not a number\n");
        assert_wrong(f, "[Key k]\nType=s\nLengthMinimum=2\nLengthMaximum=1\n",
                     "4: LengthMaximum cannot be '1': it is less than LengthMinimum\n");
        assert_wrong(f, "[Key k]\nType=s\nLengthMinimum=x\n", "3: LengthMinimum cannot be 'x'\n");
        assert_wrong(f, "[Key k]\nMinimum=1\n", "2: Minimum needs a Type that it goes with\n");
        assert_wrong(f, "[Key k]\nType=s\nDefault='\xff'\n",
                     "3: Default cannot be ''\\377'': it is not UTF-8\n");
}

static void test_defaults_keep_to_their_rules(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *key = g_strnfill(LIMIT_KEY_BYTES + 1, 'k');
        g_autofree char *long_name = g_strdup_printf("[Key %s]\nType=u\nDefault=1\n", key);

        assert_wrong_key(f, "Default=3\nMaximum=2",
                         "3: Default cannot be '3': must be at most 2\n");
        assert_wrong_key(f, "Default=1\nMinimum=2",
                         "3: Default cannot be '1': must be at least 2\n");
        assert_wrong_key(f, "Default=3\nAllowed=[1, 2]",
                         "3: Default cannot be '3': must be one of [1, 2]\n");
        assert_wrong(f, "[Key k]\nType=s\nDefault='abc'\nLengthMaximum=2\n",
                     "3: Default cannot be ''abc'': must have at most 2 bytes, not 3\n");
        assert_wrong(f, "[Key  ]\nType=u\nDefault=-1\n",
                     "1: [Key ''] is neither a key nor a pattern of keys\n"
                     "3: Default cannot be '-1': 0-2:number out of range for type 'u'\n");
        g_assert_cmpint(load_bytes(f, long_name, strlen(long_name)), ==, DECLARATION_FILE_E_WRONG);
        g_assert_cmpuint(f->complaints->len, ==, 1);
        assert_wrong(f, "[Key k*]\nType=u\nDefault=1\n",
                     "3: Default cannot be '1': a pattern has no default\n");
        load(f, "[Key k]\nType=u\nDefault=2\nMaximum=2\nMinimum=2\nAllowed=[2]\n");
}

static void test_values_are_fit_for_messages(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *deep = g_strnfill(33, 'a');
        g_autofree char *deep_text = g_strdup_printf("[Key k]\nType=%si\n", deep);
        g_autoptr(GString) many = g_string_new(NULL);
        g_autofree char *long_text = NULL, *filler = g_strnfill(100, 'x');
        g_autofree char *too_deep = g_strdup_printf(
                "2: Type cannot be '%si': it is not one complete D-Bus type without 'h'\n", deep);

        assert_wrong(f, deep_text, too_deep);
        assert_wrong(f, "[Key k]\nType=v\nDefault=<{'a', 1}>\n",
                     "3: Default cannot be '<{'a', 1}>': holds a variant of a type that is not "
                     "allowed, or too deep\n");
        assert_wrong(f, "[Key k]\nType=v\nDefault=<@mi 1>\n",
                     "3: Default cannot be '<@mi 1>': holds a variant of a type that is not "
                     "allowed, or too deep\n");
        assert_wrong(f, "[Key k]\nType=s\nDefault='\\uffff'\n",
                     "3: Default cannot be ''\\\\uffff'': has a string with Unicode "
                     "noncharacters\n");
        assert_wrong(f, "[Key k]\nType=g\nDefault='()'\n",
                     "3: Default cannot be ''()'': has a signature that D-Bus does not know\n");
        assert_wrong(f, "[Key k]\nType=g\nDefault='{sv}'\n",
                     "3: Default cannot be ''{sv}'': has a signature that D-Bus does not know\n");

        g_string_append(many, "[Key k]\nType=as\nDefault=[''");
        for (unsigned i = 0; i < LIMIT_COMMIT_ELEMENTS; i++)
                g_string_append(many, ",''");
        g_string_append(many, "]\n");
        g_assert_cmpint(load_bytes(f, many->str, many->len), ==, DECLARATION_FILE_E_WRONG);
        g_assert_true(g_str_has_suffix(f->complaints->pdata[0], "has too many elements"));

        f->limits.value_bytes = 100;
        long_text = g_strdup_printf("[Key k]\nType=s\nDefault='%s'\n", filler);
        g_assert_cmpint(load_bytes(f, long_text, strlen(long_text)), ==, DECLARATION_FILE_E_WRONG);
        g_assert_nonnull(strstr(f->complaints->pdata[0], "has a value of 101 bytes"));
        f->limits.value_bytes = 101;
        load(f, long_text);
}

static void test_odd_bytes_are_named_and_harmless(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const char zero[] = "[Key k]\nTy\0pe=u\n";

        g_assert_cmpint(load_bytes(f, zero, sizeof zero - 1), ==, DECLARATION_FILE_E_WRONG);
        g_assert_cmpuint(f->complaints->len, ==, 1);
        g_assert_nonnull(strstr(f->complaints->pdata[0], ":2: the line holds a zero byte"));
        assert_wrong(f, "[Key \x1b[2J]\n",
                     "1: [Key '\\033[2J'] is neither a key nor a pattern of keys\n");
}

static void test_sizes_are_bounded(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *large = g_strnfill(LIMIT_DECLARATION_FILE_BYTES + 1, '\n');

        for (unsigned i = 0; i < LIMIT_DECLARATION_PATTERNS; i++)
                g_string_append_printf(text, "[Key p%u*]\n", i);
        load(f, text->str);
        g_string_append(text, "[Key q*]\n");
        assert_wrong(f, text->str, "65: [Key 'q*'] is one more than a file may have\n");

        g_string_truncate(text, 0);
        for (unsigned i = 0; i < LIMIT_DECLARATION_KEYS; i++)
                g_string_append_printf(text, "[Key k%u]\n", i);
        load(f, text->str);
        g_string_append(text, "[Key q]\n[Key p*]\n");
        assert_wrong(f, text->str, "4097: [Key 'q'] is one more than a file may have\n");

        g_assert_cmpint(load_bytes(f, large, LIMIT_DECLARATION_FILE_BYTES), ==, 0);
        g_assert_cmpint(load_bytes(f, large, LIMIT_DECLARATION_FILE_BYTES + 1), ==,
                        DECLARATION_FILE_E_WRONG);
        g_assert_nonnull(
                strstr(f->complaints->pdata[0], ": the file is larger than 1048576 bytes"));
}

static void test_files_are_named_after_namespaces(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const struct {
                const char *path;
                const char *name;
        } names[] = {
                { "/x/org.example.Router.conf", "org.example.Router" },
                { "a.b.conf", "a.b" },
                { "Router.conf", NULL },
                { ".conf", NULL },
                { "a.b", NULL },
                { "a..b.conf", NULL },
                { "a.1b.conf", NULL },
                { "a.b-c.conf", NULL },
        };
        g_autofree char *odd = g_build_filename(f->directory, "odd.conf", NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *name = declaration_file_name(names[i].path);

                g_assert_cmpstr(name, ==, names[i].name);
        }

        /* What is in it is looked at all the same. */
        g_assert_true(g_file_set_contents(odd, "[X]\n", -1, NULL));
        g_assert_cmpint(load_path(f, odd), ==, DECLARATION_FILE_E_WRONG);
        g_assert_cmpuint(f->complaints->len, ==, 2);
        g_assert_nonnull(strstr(f->complaints->pdata[0], "odd.conf: the file is not named after"));
        g_assert_cmpint(g_unlink(odd), ==, 0);
}

static void test_what_is_no_file_is_named(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_assert_cmpint(load_path(f, f->path), ==, DECLARATION_FILE_E_WRONG);
        g_assert_nonnull(
                strstr(f->complaints->pdata[0], ": the file cannot be read: No such file"));
        g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
        g_assert_cmpint(load_path(f, f->path), ==, DECLARATION_FILE_E_WRONG);
        g_assert_cmpint(g_unlink(f->path), ==, 0);
        g_assert_cmpint(symlink("/dev/null", f->path), ==, 0);
        g_assert_cmpint(load_path(f, f->path), ==, DECLARATION_FILE_E_MASKED);
        g_assert_cmpuint(f->complaints->len, ==, 0);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) \
        g_test_add("/declaration-file/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(everything_is_read);
        ADD(owners_that_are_not_known_are_left_out_alone);
        ADD(a_user_that_cannot_be_looked_up_is_told_apart);
        ADD(complaints_are_bounded);
        ADD(what_is_odd_in_a_name_is_escaped);
        ADD(nothing_is_a_declaration_too);
        ADD(every_error_is_named_with_its_line);
        ADD(types_are_types_of_d_bus);
        ADD(values_fit_their_types);
        ADD(defaults_keep_to_their_rules);
        ADD(values_are_fit_for_messages);
        ADD(odd_bytes_are_named_and_harmless);
        ADD(sizes_are_bounded);
        ADD(files_are_named_after_namespaces);
        ADD(what_is_no_file_is_named);
        return g_test_run();
}
