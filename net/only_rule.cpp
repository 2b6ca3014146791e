#include "net/only_rule.hpp"

#include "core/owned.hpp"

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace net {
namespace {

using core::Errc;
using core::fail;

using Rule = core::Owned<nftnl_rule, nftnl_rule_free>;
using Batch = core::Owned<mnl_nlmsg_batch, mnl_nlmsg_batch_stop>;

constexpr std::size_t kBatchSize = 4096;   // bytes of a batch: about 300 are used

Rule rule_of(std::string const& chain) {
    Rule rule{nftnl_rule_alloc()};
    nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, NFPROTO_INET);
    nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, "atomix");
    nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.c_str());
    return rule;
}

Rule whole_rule(OnlyRule const& wanted) {
    auto rule = rule_of(wanted.chain);
    if (!wanted.counter.empty()) {
        auto* const counter = nftnl_expr_alloc("objref");
        nftnl_expr_set_u32(counter, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
        nftnl_expr_set_str(counter, NFTNL_EXPR_OBJREF_IMM_NAME, wanted.counter.c_str());
        nftnl_rule_add_expr(rule.get(), counter);   // which owns it from here
    }
    auto* const verdict = nftnl_expr_alloc("immediate");
    nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_VERDICT, wanted.accept ? NF_ACCEPT : NF_DROP);
    nftnl_rule_add_expr(rule.get(), verdict);
    return rule;
}

void add(mnl_nlmsg_batch& batch, std::uint16_t type, std::uint16_t flags, Rule const& rule) {
    auto* const header = nftnl_nlmsg_build_hdr(static_cast<char*>(mnl_nlmsg_batch_current(&batch)), type,
                                               NFPROTO_INET, flags, 0);
    nftnl_rule_nlmsg_build_payload(header, rule.get());
    mnl_nlmsg_batch_next(&batch);
}

// What is left of an earlier answer, one that did not fit or could not be read, is none to what is sent next.
void forget_answers(mnl_socket const& socket) {
    alignas(nlmsghdr) std::array<char, kBatchSize> bytes;
    for (;;) {
        if (mnl_socket_recvfrom(&socket, bytes.data(), bytes.size()) >= 0) continue;
        bool const is_lost = errno == ENOBUFS || errno == ENOSPC || errno == EINTR;   // more may be there
        if (!is_lost) return;
    }
}

// The kernel has answered by the time that the batch is sent: errors, or the word on the one message that
// asked for one.
Result<void> answer(mnl_socket const& socket) {
    alignas(nlmsghdr) std::array<char, kBatchSize> bytes;
    bool done = false;
    int error = 0;
    for (;;) {
        auto const size = mnl_socket_recvfrom(&socket, bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (size < 0)
            return fail(Errc::io, std::string{"the packet filter's answer: "} + std::strerror(errno));
        auto left = static_cast<int>(size);
        for (auto const* header = reinterpret_cast<nlmsghdr const*>(bytes.data()); mnl_nlmsg_ok(header, left);
             header = mnl_nlmsg_next(header, &left)) {
            if (header->nlmsg_type != NLMSG_ERROR) continue;
            auto const said = static_cast<nlmsgerr const*>(mnl_nlmsg_get_payload(header))->error;
            if (said == 0) done = true;
            if (said != 0 && error == 0) error = -said;
        }
    }
    if (error != 0)
        return fail(Errc::refused, std::string{"the kernel refuses a rule: "} + std::strerror(error));
    if (!done) return fail(Errc::io, "the kernel did not answer to a rule");
    return {};
}

}   // namespace

struct RuleSocket::Parts {
    core::Owned<mnl_socket, mnl_socket_close> socket{
        mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC)};
};

RuleSocket::RuleSocket() : parts_{std::make_unique<Parts>()} {
    auto& socket = parts_->socket;
    if (socket && mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0) socket.reset();
}

RuleSocket::~RuleSocket() = default;

std::string text_of(OnlyRule const& rule) {
    auto const counted = rule.counter.empty() ? "" : "counter name \"" + rule.counter + "\" ";
    return counted + (rule.accept ? "accept" : "drop");
}

Result<void> RuleSocket::set(OnlyRule const& rule) {
    auto* const socket = parts_->socket.get();
    if (!socket) return fail(Errc::io, "no netlink socket to the packet filter");

    std::array<char, kBatchSize> bytes;
    Batch const batch{mnl_nlmsg_batch_start(bytes.data(), bytes.size() / 2)};   // the rest: one message more
    nftnl_batch_begin(static_cast<char*>(mnl_nlmsg_batch_current(batch.get())), 0);
    mnl_nlmsg_batch_next(batch.get());
    add(*batch, NFT_MSG_DELRULE, 0, rule_of(rule.chain));
    add(*batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, whole_rule(rule));
    nftnl_batch_end(static_cast<char*>(mnl_nlmsg_batch_current(batch.get())), 0);
    mnl_nlmsg_batch_next(batch.get());

    forget_answers(*socket);
    auto const size = mnl_nlmsg_batch_size(batch.get());
    if (mnl_socket_sendto(socket, mnl_nlmsg_batch_head(batch.get()), size) < 0)
        return fail(Errc::io, std::string{"the packet filter cannot be told: "} + std::strerror(errno));
    return answer(*socket);
}

}   // namespace net
