#include "support/cut_medium.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace test {
namespace {

using Kind = DiskOp::Kind;

std::string with(std::string content, DiskOp const& op, Part part) {
    if (part.begin == part.end) return content;
    content.resize(std::max<std::size_t>(content.size(), op.offset + part.end));
    content.replace(op.offset + part.begin, part.end - part.begin, op.bytes, part.begin,
                    part.end - part.begin);
    return content;
}

}   // namespace

char const* name(Left left) {
    switch (left) {
    case Left::everything:
        return "everything";
    case Left::synced:
        return "what was synced";
    case Left::newest:
        return "what was synced and the newest write";
    case Left::names:
        return "all names, but only synced content";
    }
    return "";
}

CutMedium::CutMedium(Tree start) {
    for (auto& [path, content] : start) {
        now_[path] = nodes_.size();
        nodes_.push_back({content, content});
    }
    synced_ = now_;
}

Tree CutMedium::tree(Names const& names, Bytes Node::*content) const {
    Tree tree;
    for (auto const& [path, node] : names) tree[path] = nodes_[node].*content;
    return tree;
}

// To the names and contents given; which file is meant is for now_ to say.
void CutMedium::change(DiskOp const& op, Bytes Node::*content, Names& names, Part part) {
    switch (op.kind) {
    case Kind::write: {
        auto& node = nodes_.at(now_.at(op.path));
        node.*content = std::make_shared<std::string const>(with(*(node.*content), op, part));
        break;
    }
    case Kind::truncate: {
        auto shorter = *(nodes_.at(now_.at(op.path)).*content);
        shorter.resize(op.offset);
        nodes_.at(now_.at(op.path)).*content = std::make_shared<std::string const>(std::move(shorter));
        break;
    }
    case Kind::create: {
        auto const empty = std::make_shared<std::string const>();
        names[op.path] = nodes_.size();
        nodes_.push_back({empty, empty});
        break;
    }
    case Kind::rename: {
        auto const node = now_.at(op.path);
        names.erase(op.path);
        names[op.to] = node;
        break;
    }
    case Kind::remove:
        names.erase(op.path);
        break;
    case Kind::sync:
    case Kind::sync_directory:
        break;
    }
}

void CutMedium::apply(DiskOp const& op) {
    if (op.kind == Kind::sync) {
        auto& node = nodes_.at(now_.at(op.path));
        node.synced = node.now;
    } else if (op.kind == Kind::sync_directory) {
        auto const is_in = [&](auto const& entry) {
            return std::filesystem::path{entry.first}.parent_path() == op.path;
        };
        std::erase_if(synced_, is_in);
        for (auto const& entry : now_)
            if (is_in(entry)) synced_.insert(entry);
    } else {
        change(op, &Node::now, now_, {0, op.bytes.size()});
    }
}

Tree CutMedium::after_cut(Left left) const {
    switch (left) {
    case Left::everything:
        return tree(now_, &Node::now);
    case Left::names:
        return tree(now_, &Node::synced);
    case Left::synced:
    case Left::newest:
        break;
    }
    return tree(synced_, &Node::synced);
}

Tree CutMedium::after_cut_within(DiskOp const& op, Part part, Left left) const {
    auto then = *this;
    if (left == Left::newest)
        then.change(op, &Node::synced, then.synced_, part);
    else
        then.change(op, &Node::now, then.now_, part);
    return then.after_cut(left);
}

std::vector<std::size_t> tears(DiskOp const& op, std::uint64_t sector) {
    std::vector<std::size_t> after;
    if (op.kind != Kind::write) return after;
    auto const end = op.offset + op.bytes.size();
    for (auto at = (op.offset / sector + 1) * sector; at < end; at += sector)
        after.push_back(static_cast<std::size_t>(at - op.offset));
    return after;
}

}   // namespace test
