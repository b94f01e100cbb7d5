/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes accounting objects (`nfacct add NAME`) in this network namespace, for rules that name them.
 *
 * usage: make_nfacct NAME...
 */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_acct.h>
#include <linux/netlink.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int make(struct mnl_socket *socket, const char *name)
{
    char buffer[1024];
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    message->nlmsg_type = NFNL_SUBSYS_ACCT << 8 | NFNL_MSG_ACCT_NEW;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK;
    message->nlmsg_seq = (unsigned)time(NULL);
    struct nfgenmsg *family = mnl_nlmsg_put_extra_header(message, sizeof(*family));
    *family = (struct nfgenmsg){.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
    mnl_attr_put_strz(message, NFACCT_NAME, name);
    unsigned seq = message->nlmsg_seq;
    if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
        return -1;
    ssize_t len = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
    return len < 0
               ? -1
               : mnl_cb_run(buffer, (size_t)len, seq, mnl_socket_get_portid(socket), NULL, NULL);
}

int main(int argc, char **argv)
{
    struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
    int status = 0;
    if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        perror("netlink");
        return 1;
    }
    for (int i = 1; i < argc; i++)
        if (make(socket, argv[i]) < 0) {
            perror(argv[i]);
            status = 1;
        }
    mnl_socket_close(socket);
    return status;
}
