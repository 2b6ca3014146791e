#pragma once
// A disk as a power cut leaves it: what was written and what is sure to be there are two things. Pure.

#include "support/write_recorder.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace test {

using Bytes = std::shared_ptr<std::string const>;
using Tree = std::map<std::string, Bytes>;   // path below the device's directory -> content

// Of everything that was asked for since the last sync, what a cut leaves. Strict: a file's sync makes its
// content durable and not its name, only the directory's sync does that.
enum class Left {
    everything,   // in the order in which it was written
    synced,       // nothing
    newest,       // only the last write, all that came before it is lost
    names,        // creations, renames and removals, but no content
};
char const* name(Left left);

// Bytes of a write. A disk may take the sectors of one request in any order: its beginning first, or its end.
struct Part {
    std::size_t begin = 0;
    std::size_t end = 0;
};

class CutMedium {
public:
    explicit CutMedium(Tree start);   // all of it is durable

    void apply(DiskOp const& op);

    // A cut now.
    Tree after_cut(Left left) const;
    // A cut within `op`, which was not applied: of a write only `part` arrives.
    Tree after_cut_within(DiskOp const& op, Part part, Left left) const;

private:
    struct Node {
        Bytes now;
        Bytes synced;
    };
    using Names = std::map<std::string, std::size_t>;

    Tree tree(Names const& names, Bytes Node::*content) const;
    void change(DiskOp const& op, Bytes Node::*content, Names& names, Part part);

    std::vector<Node> nodes_;
    Names now_;
    Names synced_;
};

// After which bytes a write can tear: every boundary between sectors of `sector` bytes within it.
std::vector<std::size_t> tears(DiskOp const& op, std::uint64_t sector);

}   // namespace test
