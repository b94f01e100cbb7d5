/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of this system.
 *
 * Databases are asked each time (libc keeps what is worth keeping). The three files are read once:
 * a rule set may ask for each rule, and an answer that changed between two rules of one rule set
 * would help nobody. A file that cannot be read has no names; a line that is no number and name is
 * passed over, as iptables and iproute2 do.
 */
#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct {
    const char *name, *path;
} files[] = {
    {"connlabel", "/etc/xtables/connlabel.conf"},
    {"group", "/etc/iproute2/group"},
    {"rt_realms", "/etc/iproute2/rt_realms"},
};
_Static_assert(sizeof(files) / sizeof(files[0]) == NAMES_FILES, "one struct names_file each");

enum { FIRST_ROOM = 16 };

/* --- services --- */

/* As the services database has it; NULL: of any protocol. */
static const char *protocol_name(uint8_t proto)
{
    const struct protoent *entry = proto ? getprotobynumber(proto) : NULL;
    return entry ? entry->p_name : NULL;
}

static bool service(void *ctx, const char *name, uint8_t proto, uint16_t *port)
{
    (void)ctx;
    const char *protocol = protocol_name(proto);
    if (proto && !protocol)
        return false;
    const struct servent *entry = getservbyname(name, protocol);
    if (entry)
        *port = ntohs((uint16_t)entry->s_port);
    return entry != NULL;
}

/* Copied, since the database's own storage is overwritten by any other question to it. */
static const char *keep(struct names *names, const char *string)
{
    snprintf(names->text, sizeof(names->text), "%s", string);
    return names->text;
}

static const char *service_name(void *ctx, uint16_t port, uint8_t proto)
{
    const char *protocol = protocol_name(proto);
    if (proto && !protocol)
        return NULL;
    const struct servent *entry = getservbyport(htons(port), protocol);
    return entry ? keep(ctx, entry->s_name) : NULL;
}

/* --- hosts --- */

static void take_address(uint8_t family, const struct sockaddr *from, union weir_addr *addr)
{
    *addr = (union weir_addr){0};
    if (family == 6)
        memcpy(addr, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr,
               sizeof(struct in6_addr));
    else
        memcpy(addr, &((const struct sockaddr_in *)(const void *)from)->sin_addr,
               sizeof(struct in_addr));
}

/* A name of the networks database stands for the network's first address. */
static size_t network(const char *name, union weir_addr *addr)
{
    const struct netent *entry = getnetbyname(name);
    if (entry)
        *addr = (union weir_addr){.v4 = htonl(entry->n_net)};
    return entry != NULL;
}

static size_t host(void *ctx, const char *name, uint8_t family, union weir_addr *addrs, size_t max)
{
    (void)ctx;
    /* Of one kind of socket: each address once. */
    const struct addrinfo want = {
        .ai_family = family == 6 ? AF_INET6 : AF_INET,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *found;
    size_t count = 0;
    /* As iptables asks: networks first. */
    if (family == 4 && max && network(name, &addrs[0]))
        return 1;
    if (getaddrinfo(name, NULL, &want, &found))
        return 0;
    for (const struct addrinfo *a = found; a && count < max; a = a->ai_next)
        if (a->ai_family == want.ai_family)
            take_address(family, a->ai_addr, &addrs[count++]);
    freeaddrinfo(found);
    return count;
}

static const char *host_name4(struct names *names, const union weir_addr *addr)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = addr->v4};
    if (!getnameinfo((const struct sockaddr *)&address, sizeof(address), names->text,
                     sizeof(names->text), NULL, 0, NI_NAMEREQD))
        return names->text;
    const struct netent *entry = getnetbyaddr(ntohl(addr->v4), AF_INET);
    return entry ? keep(names, entry->n_name) : NULL;
}

static const char *host_name6(struct names *names, const union weir_addr *addr)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    memcpy(&address.sin6_addr, addr, sizeof(address.sin6_addr));
    return getnameinfo((const struct sockaddr *)&address, sizeof(address), names->text,
                       sizeof(names->text), NULL, 0, NI_NAMEREQD)
               ? NULL
               : names->text;
}

static const char *host_name(void *ctx, uint8_t family, const union weir_addr *addr)
{
    return family == 6 ? host_name6(ctx, addr) : host_name4(ctx, addr);
}

/* --- users and groups --- */

static bool user(void *ctx, const char *name, bool group, uint32_t *id)
{
    (void)ctx;
    if (group) {
        const struct group *entry = getgrnam(name);
        if (entry)
            *id = entry->gr_gid;
        return entry != NULL;
    }
    const struct passwd *entry = getpwnam(name);
    if (entry)
        *id = entry->pw_uid;
    return entry != NULL;
}

static const char *user_name(void *ctx, uint32_t id, bool group)
{
    (void)ctx;
    if (group) {
        const struct group *entry = getgrgid(id);
        return entry ? entry->gr_name : NULL;
    }
    const struct passwd *entry = getpwuid(id);
    return entry ? entry->pw_name : NULL;
}

/* --- files of numbers and names --- */

/* Out of memory: the name is not known. */
static void add(struct names_file *file, uint32_t n, const char *name)
{
    if (file->count == file->room) {
        size_t room = file->room ? 2 * file->room : FIRST_ROOM;
        struct names_entry *entries = realloc(file->entries, room * sizeof(*entries));
        if (!entries)
            return;
        file->entries = entries;
        file->room = room;
    }
    struct names_entry *entry = &file->entries[file->count];
    entry->number = n;
    entry->name = strdup(name);
    if (entry->name)
        file->count++;
}

/* "NUMBER NAME", and what follows is of no matter. */
static void read_line(struct names_file *file, char *line)
{
    char *rest, *end;
    const char *word = strtok_r(line, " \t\n", &rest);
    const char *name = strtok_r(NULL, " \t\n", &rest);
    if (!word || *word == '#' || !name || *name == '#')
        return;
    errno = 0;
    unsigned long n = strtoul(word, &end, 0);
    if (*word >= '0' && *word <= '9' && !*end && !errno && n <= UINT32_MAX)
        add(file, (uint32_t)n, name);
}

static void read_file(struct names_file *file, const char *root, const char *path)
{
    char *full, *line = NULL;
    size_t room = 0;
    file->read = true;
    if (asprintf(&full, "%s%s", root, path) < 0)
        return;
    FILE *from = fopen(full, "re");
    free(full);
    if (!from)
        return;
    while (getline(&line, &room, from) >= 0)
        read_line(file, line);
    free(line);
    fclose(from);
}

static const struct names_file *file_of(struct names *names, const char *name)
{
    for (int i = 0; i < NAMES_FILES; i++) {
        if (strcmp(files[i].name, name) != 0)
            continue;
        if (!names->files[i].read)
            read_file(&names->files[i], names->root, files[i].path);
        return &names->files[i];
    }
    return NULL;
}

static bool number(void *ctx, const char *name_of_file, const char *name, uint32_t *n)
{
    const struct names_file *file = file_of(ctx, name_of_file);
    for (size_t i = 0; file && i < file->count; i++) {
        if (strcmp(file->entries[i].name, name) == 0) {
            *n = file->entries[i].number;
            return true;
        }
    }
    return false;
}

static const char *number_name(void *ctx, const char *name_of_file, uint32_t n)
{
    const struct names_file *file = file_of(ctx, name_of_file);
    for (size_t i = 0; file && i < file->count; i++)
        if (file->entries[i].number == n)
            return file->entries[i].name;
    return NULL;
}

void names_init(struct names *names, const char *root)
{
    *names = (struct names){
        .rules = {.ctx = names,
                  .service = service,
                  .service_name = service_name,
                  .host = host,
                  .host_name = host_name,
                  .user = user,
                  .user_name = user_name,
                  .number = number,
                  .number_name = number_name},
        .root = root,
    };
}

void names_fini(struct names *names)
{
    for (int i = 0; i < NAMES_FILES; i++) {
        struct names_file *file = &names->files[i];
        for (size_t j = 0; j < file->count; j++)
            free(file->entries[j].name);
        free(file->entries);
    }
}
