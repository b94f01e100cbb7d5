/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixed_names.h"

#include <arpa/inet.h>
#include <string.h>

enum { TCP = 6, UDP = 17 };

/* In the order of a services database: of port 514, TCP comes first. */
static const struct {
    uint16_t port;
    uint8_t proto;
    const char *name, *aliases[2];
} services[] = {
    {1, TCP, "tcpmux", {NULL}},
    {22, TCP, "ssh", {NULL}},
    {53, TCP, "domain", {NULL}},
    {53, UDP, "domain", {NULL}},
    {67, UDP, "bootps", {NULL}},
    {68, UDP, "bootpc", {NULL}},
    {69, UDP, "tftp", {NULL}},
    {80, TCP, "http", {"www"}},
    {443, TCP, "https", {NULL}},
    {443, UDP, "https", {NULL}},
    {514, TCP, "shell", {"cmd", "syslog"}},
    {514, UDP, "syslog", {NULL}},
    {2000, TCP, "cisco-sccp", {NULL}},
};

static const struct {
    const char *name;
    uint32_t id;
} users[] = {{"root", 0}, {"daemon", 1}, {"games", 5}, {"nobody", 65534}};

static const struct {
    const char *file, *name;
    uint32_t number;
} numbers[] = {{"group", "default", 0}, {"rt_realms", "cosmos", 0}, {"timeout", "tpol", 3}};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool is_called(size_t i, const char *name)
{
    if (strcmp(name, services[i].name) == 0)
        return true;
    for (size_t j = 0; j < COUNT(services[i].aliases) && services[i].aliases[j]; j++)
        if (strcmp(name, services[i].aliases[j]) == 0)
            return true;
    return false;
}

static bool service(void *ctx, const char *name, uint8_t proto, uint16_t *port)
{
    (void)ctx;
    for (size_t i = 0; i < COUNT(services); i++)
        if ((!proto || proto == services[i].proto) && is_called(i, name))
            return *port = services[i].port, true;
    return false;
}

static const char *service_name(void *ctx, uint16_t port, uint8_t proto)
{
    (void)ctx;
    for (size_t i = 0; i < COUNT(services); i++)
        if (port == services[i].port && (!proto || proto == services[i].proto))
            return services[i].name;
    return NULL;
}

static size_t host(void *ctx, const char *name, uint8_t family, union weir_addr *addrs, size_t max)
{
    (void)ctx;
    if (strcmp(name, "localhost") != 0 || family != 4 || !max)
        return 0;
    return (size_t)inet_pton(AF_INET, "127.0.0.1", &addrs[0]);
}

/* Groups have the names and numbers of users. */
static bool user(void *ctx, const char *name, bool group, uint32_t *id)
{
    (void)ctx;
    (void)group;
    for (size_t i = 0; i < COUNT(users); i++)
        if (strcmp(users[i].name, name) == 0)
            return *id = users[i].id, true;
    return false;
}

static const char *user_name(void *ctx, uint32_t id, bool group)
{
    (void)ctx;
    (void)group;
    for (size_t i = 0; i < COUNT(users); i++)
        if (users[i].id == id)
            return users[i].name;
    return NULL;
}

static bool number(void *ctx, const char *file, const char *name, uint32_t *n)
{
    (void)ctx;
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (strcmp(numbers[i].file, file) == 0 && strcmp(numbers[i].name, name) == 0)
            return *n = numbers[i].number, true;
    return false;
}

static const char *number_name(void *ctx, const char *file, uint32_t n)
{
    (void)ctx;
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (strcmp(numbers[i].file, file) == 0 && numbers[i].number == n)
            return numbers[i].name;
    return NULL;
}

const struct weir_rules_names fixed_names = {
    .service = service,
    .service_name = service_name,
    .host = host,
    .user = user,
    .user_name = user_name,
    .number = number,
    .number_name = number_name,
};

/* --- as files --- */

const char *const fixed_files[] = {"/etc/services",
                                   "/etc/passwd",
                                   "/etc/group",
                                   "/etc/hosts",
                                   "/etc/networks",
                                   "/etc/iproute2/group",
                                   "/etc/iproute2/rt_realms",
                                   NULL};

static void write_services(FILE *to)
{
    for (size_t i = 0; i < COUNT(services); i++) {
        fprintf(to, "%s %u/%s", services[i].name, services[i].port,
                services[i].proto == TCP ? "tcp" : "udp");
        for (size_t j = 0; j < COUNT(services[i].aliases) && services[i].aliases[j]; j++)
            fprintf(to, " %s", services[i].aliases[j]);
        fputc('\n', to);
    }
}

static void write_numbers(FILE *to, const char *file)
{
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (strcmp(numbers[i].file, file) == 0)
            fprintf(to, "%u %s\n", numbers[i].number, numbers[i].name);
}

void fixed_names_write(FILE *to, const char *file)
{
    if (strcmp(file, "/etc/services") == 0)
        write_services(to);
    for (size_t i = 0; i < COUNT(users); i++) {
        if (strcmp(file, "/etc/passwd") == 0)
            fprintf(to, "%s:x:%u:%u::/:/bin/sh\n", users[i].name, users[i].id, users[i].id);
        else if (strcmp(file, "/etc/group") == 0)
            fprintf(to, "%s:x:%u:\n", users[i].name, users[i].id);
    }
    if (strcmp(file, "/etc/hosts") == 0)
        fputs("127.0.0.1 localhost\n", to);
    if (strncmp(file, "/etc/iproute2/", strlen("/etc/iproute2/")) == 0)
        write_numbers(to, strrchr(file, '/') + 1);
}
