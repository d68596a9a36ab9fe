/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declaration file
 */

#include "declaration-file.h"

#include "complaints.h"
#include "core/name.h"
#include "core/value-check.h"
#include "rule-text.h"
#include "user-name.h"
#include "util/conf-file.h"
#include "util/ini.h"

#include <errno.h>
#include <string.h>

#define SUFFIX    ".conf"
#define MODE_BASE 8

typedef enum Section {
        SECTION_NONE, /* before the first, or in one that is unknown */
        SECTION_NAMESPACE,
        SECTION_KEY,
} Section;

/* One file while it is read. */
typedef struct Parser {
        Complaints complaints;
        const Limits *limits;
        Declaration *declaration;
        Section section;
        bool has_namespace; /* there has been a section of that name */
        unsigned given;     /* AccessFields that have been set, rightly or not */
        unsigned
                n_passed; /* of the complaints: those that leave the rest of the file its meaning */
        RuleText *key;    /* the section being read */
        bool is_key_refused; /* it has been complained of */
        guint n_keys;
} Parser;

char *declaration_file_name(const char *path)
{
        g_autofree char *name = g_path_get_basename(path);

        if (!g_str_has_suffix(name, SUFFIX))
                return NULL;

        name[strlen(name) - strlen(SUFFIX)] = '\0';
        return namespace_name_is_valid(name) ? g_steal_pointer(&name) : NULL;
}

/* sections */

static bool rule_name_is_valid(const char *name)
{
        g_autofree char *key = g_strdup(name);

        /* But for its wildcards a pattern has what a key has. */
        return key_is_valid(g_strdelimit(key, "*?", '.'));
}

/* Why there can be no other rule of this name; NULL when there can. */
static const char *why_not(const Parser *parser, const char *name)
{
        const Declaration *declaration = parser->declaration;

        if (!rule_name_is_valid(name))
                return "is neither a key nor a pattern of keys";
        if (declaration_rule_named(declaration, name))
                return "stands twice";
        if (strpbrk(name, "*?") ? declaration->patterns->len >= LIMIT_DECLARATION_PATTERNS
                                : parser->n_keys >= LIMIT_DECLARATION_KEYS)
                return "is one more than a file may have";
        return NULL;
}

static void begin_key(Parser *parser, unsigned line, const char *name)
{
        const char *why = why_not(parser, name);
        g_autofree char *quoted = NULL;

        parser->section = SECTION_KEY;
        /* Its settings are looked at all the same, and an entry wants a key. */
        parser->key = rule_text_new(rule_name_is_valid(name) ? name : "invalid");
        parser->is_key_refused = why != NULL;
        if (!why)
                return;

        quoted = name_quote(name);
        complaints_add(&parser->complaints, line, "[Key %s] %s", quoted, why);
}

/* Only now are all its settings there. */
static void end_key(Parser *parser)
{
        g_autoptr(RuleText) key = g_steal_pointer(&parser->key);
        g_autoptr(Rule) rule = NULL;

        if (!key)
                return;

        rule = rule_text_make(key, &parser->complaints, parser->limits);
        if (parser->is_key_refused)
                return;

        parser->n_keys += !rule_is_pattern(rule);
        declaration_add_rule(parser->declaration, g_steal_pointer(&rule));
}

static void on_section(void *userdata, unsigned line, char *section)
{
        g_autofree char *quoted = NULL;
        Parser *parser = userdata;

        end_key(parser);
        if (strcmp(section, "[Namespace]") == 0) {
                if (parser->has_namespace)
                        complaints_add(&parser->complaints, line, "[Namespace] stands twice");
                parser->has_namespace = true;
                parser->section = SECTION_NAMESPACE;
                return;
        }
        if (g_str_has_prefix(section, "[Key ") && g_str_has_suffix(section, "]")) {
                section[strlen(section) - 1] = '\0';
                begin_key(parser, line, g_strstrip(section + strlen("[Key ")));
                return;
        }

        parser->section = SECTION_NONE;
        quoted = name_quote(section);
        complaints_add(&parser->complaints, line, "there is no section %s", quoted);
}

/* [Namespace] */

static int set_mode(const char *text, NamespaceAccess *access)
{
        uint64_t mode;
        char *end;

        if (!g_ascii_isdigit(*text))
                return -EINVAL;

        mode = g_ascii_strtoull(text, &end, MODE_BASE);
        if (*end != '\0' || (mode & ~(uint64_t) NAMESPACE_MODE_MASK))
                return -EINVAL;

        access->mode = (uint32_t) mode;
        return 0;
}

static int set_owner(const char *text, NamespaceAccess *access)
{
        return user_name_to_uid(text, &access->owner);
}

static int set_group(const char *text, NamespaceAccess *access)
{
        if (strcmp(text, "none") == 0) {
                access->group = NAMESPACE_NO_GROUP;
                return 0;
        }
        return user_name_to_gid(text, &access->group);
}

static int set_quota_keys(const char *text, NamespaceAccess *access)
{
        return ini_parse_size(text, &access->quota_keys);
}

static int set_quota_bytes(const char *text, NamespaceAccess *access)
{
        return ini_parse_size(text, &access->quota_bytes);
}

typedef struct AccessSetting {
        const char *name;
        int (*set)(const char *text, NamespaceAccess *access);
        const char *why_not; /* when it cannot */
        AccessFields field;
        bool is_looked_up; /* among users and groups, which are the system's and not the file's */
} AccessSetting;

static const AccessSetting access_settings[] = {
        { "Owner", set_owner, "there is no such user", ACCESS_OWNER, true },
        { "Group", set_group, "there is no such group", ACCESS_GROUP, true },
        { "Mode", set_mode, "it is octal, and at most the bits of 0664", ACCESS_MODE, false },
        { "QuotaKeys", set_quota_keys, "it is not a number", ACCESS_QUOTA_KEYS, false },
        { "QuotaBytes", set_quota_bytes, "it is not a size", ACCESS_QUOTA_BYTES, false },
};

static void set_access(Parser *parser,
                       unsigned line,
                       const AccessSetting *setting,
                       const char *text)
{
        Declaration *declaration = parser->declaration;
        g_autofree char *quoted = NULL;
        int r;

        if (parser->given & setting->field) {
                complaints_add(&parser->complaints, line, "%s is set twice", setting->name);
                return;
        }

        parser->given |= setting->field;
        r = setting->set(text, &declaration->access);
        if (r == 0) {
                declaration->access_fields |= setting->field;
                return;
        }

        quoted = name_quote(text);
        if (setting->is_looked_up && r != -ENOENT)
                complaints_add(&parser->complaints, line, "%s %s cannot be looked up: %s",
                               setting->name, quoted, g_strerror(-r));
        else
                complaints_add(&parser->complaints, line, "%s cannot be %s: %s", setting->name,
                               quoted, setting->why_not);
        parser->n_passed += setting->is_looked_up;
}

static void on_setting(void *userdata, unsigned line, const char *setting, char *value)
{
        g_autofree char *quoted = name_quote(setting);
        Parser *parser = userdata;

        switch (parser->section) {
        case SECTION_NONE:
                complaints_add(&parser->complaints, line,
                               "%s is set outside of every known section", quoted);
                return;
        case SECTION_NAMESPACE:
                for (size_t i = 0; i < G_N_ELEMENTS(access_settings); i++)
                        if (strcmp(access_settings[i].name, setting) == 0) {
                                set_access(parser, line, &access_settings[i], value);
                                return;
                        }
                complaints_add(&parser->complaints, line, "there is no setting %s in this section",
                               quoted);
                return;
        case SECTION_KEY:
                rule_text_set(parser->key, &parser->complaints, line, setting, value);
                return;
        }

        g_assert_not_reached();
}

static void on_fault(void *userdata, unsigned line, const char *text, const char *why)
{
        g_autofree char *quoted = text ? name_quote(text) : NULL;
        Parser *parser = userdata;

        complaints_add(&parser->complaints, line, "%s%s%s", quoted ? quoted : "", quoted ? " " : "",
                       why);
}

static void parse(Parser *parser, const GByteArray *bytes)
{
        const IniReader reader = {
                .on_section = on_section,
                .on_setting = on_setting,
                .on_fault = on_fault,
                .line_bytes_max = LIMIT_DECLARATION_FILE_BYTES,
                .userdata = parser,
        };

        ini_parse(&reader, (const char *) bytes->data, bytes->len);
        end_key(parser);
        declaration_complete(parser->declaration);
}

/* Reads the file; an outcome with a complaint when it cannot. */
static int read_file(Complaints *complaints, const char *path, GByteArray **ret_bytes)
{
        int r = conf_file_read(path, LIMIT_DECLARATION_FILE_BYTES, ret_bytes);

        if (r == CONF_FILE_E_MASKED)
                return DECLARATION_FILE_E_MASKED;
        if (r == -EFBIG)
                complaints_add(complaints, 0, "the file is larger than %u bytes",
                               LIMIT_DECLARATION_FILE_BYTES);
        else if (r < 0)
                complaints_add(complaints, 0, "the file cannot be read: %s", g_strerror(-r));
        return r < 0 ? DECLARATION_FILE_E_WRONG : 0;
}

int declaration_file_load(const char *path,
                          const Limits *limits,
                          GPtrArray *complaints,
                          char **ret_name,
                          Declaration **ret_declaration)
{
        g_autoptr(Declaration) declaration = NULL;
        g_autoptr(GByteArray) bytes = NULL;
        g_autofree char *name = declaration_file_name(path);
        g_autofree char *shown = complaints_show_path(path);
        g_autofree char *checksum = NULL;
        Parser parser = { .complaints = { shown, complaints, 0 }, .limits = limits };
        int r;

        r = read_file(&parser.complaints, path, &bytes);
        if (r != 0)
                return r;

        if (!name)
                complaints_add(&parser.complaints, 0,
                               "the file is not named after a namespace, such as "
                               "org.example.Router.conf");

        checksum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes->data, bytes->len);
        declaration = parser.declaration = declaration_new(shown, checksum);
        parse(&parser, bytes);
        complaints_end(&parser.complaints);
        if (parser.complaints.n > parser.n_passed)
                return DECLARATION_FILE_E_WRONG;

        *ret_name = g_steal_pointer(&name);
        *ret_declaration = g_steal_pointer(&declaration);
        return 0;
}
