#pragma once
// What this process asks of the disk below one directory, in order. For tests of power cuts.
//
// write_recorder.cpp defines libc's open, write, fsync, rename … itself, so that libraries (libubootenv,
// libstdc++) are heard too: link it into a test of its own. What it does not know (mmap, writev, mkdir) the
// test finds by comparing what CutMedium makes of the record with the directory.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace test {

struct DiskOp {
    enum class Kind { write, create, truncate, sync, rename, remove, sync_directory };
    Kind kind = Kind::write;
    std::string path;           // below the directory, "" for itself
    std::uint64_t offset = 0;   // of a write; the new size for truncate
    std::string bytes;          // of a write
    std::string to;             // of a rename
    bool direct = false;        // of a write: past the page cache (O_DIRECT)
};

// One at a time; from construction to destruction.
class WriteRecorder {
public:
    explicit WriteRecorder(std::filesystem::path const& directory);
    ~WriteRecorder();
    WriteRecorder(WriteRecorder const&) = delete;
    WriteRecorder& operator=(WriteRecorder const&) = delete;

    // What happens to each write before it reaches the disk: its bytes may be changed; an errno refuses it.
    // Set it before anybody writes.
    void on_the_way(std::function<int(DiskOp&)> what);
    // From now on no file and no device takes O_DIRECT.
    void refuse_direct();

    // What has been recorded so far. Not while somebody writes.
    std::vector<DiskOp> const& ops() const;
};

}   // namespace test
