#include "support/write_recorder.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstring>
#include <mutex>
#include <optional>
#include <stdexcept>

namespace test {
namespace {

using Kind = DiskOp::Kind;

std::atomic<bool> is_recording = false;
std::mutex recording;   // guards both
std::string root;       // with a slash at its end
std::vector<DiskOp> record;
std::atomic<bool> is_direct_refused = false;
std::function<int(DiskOp&)> on_the_way;

template <class Function> Function* real(char const* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

std::optional<std::string> below_root(std::string const& path) {
    if (path + "/" == root) return "";
    if (!path.starts_with(root)) return std::nullopt;
    return path.substr(root.size());
}

std::optional<std::string> path_of(int fd) {
    char target[PATH_MAX];
    auto const link = "/proc/self/fd/" + std::to_string(fd);
    auto const length = ::readlink(link.c_str(), target, sizeof target);
    if (length < 0) return std::nullopt;
    return below_root({target, static_cast<std::size_t>(length)});
}

void note(DiskOp op) {
    std::lock_guard const lock{recording};
    if (is_recording) record.push_back(std::move(op));
}

// errno is the caller's: nothing here may change it.
struct KeepErrno {
    int const was = errno;
    ~KeepErrno() { errno = was; }
};

void note_sync(int fd) {
    KeepErrno const keep;
    auto const path = is_recording ? path_of(fd) : std::nullopt;
    if (!path) return;
    struct stat status {};
    bool const is_directory = ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
    note({.kind = is_directory ? Kind::sync_directory : Kind::sync, .path = *path, .bytes = {}, .to = {}});
}

// `next` writes what it is given.
ssize_t note_write(int fd, void const* bytes, std::size_t size, off_t offset, auto next) {
    int const was = errno;
    auto const path = is_recording ? path_of(fd) : std::nullopt;
    errno = was;
    if (!path) return next(bytes, size);
    int const flags = ::fcntl(fd, F_GETFL);
    DiskOp op{.kind = Kind::write,
              .path = *path,
              .offset = static_cast<std::uint64_t>(offset),
              .bytes = {static_cast<char const*>(bytes), size},
              .to = {},
              .direct = (flags & O_DIRECT) != 0};
    if (on_the_way) {
        if (int const refused = on_the_way(op); refused != 0) {
            errno = refused;
            return -1;
        }
        bool const is_altered = std::memcmp(op.bytes.data(), bytes, size) != 0;
        if (is_altered) bytes = op.bytes.data();   // else where it was: direct writes need it aligned
    }
    auto const written = next(bytes, size);
    KeepErrno const keep;
    if (written <= 0) return written;
    op.bytes.resize(static_cast<std::size_t>(written));
    note(std::move(op));
    if ((flags & O_DSYNC) != 0) note_sync(fd);
    return written;
}

// Paths are absolute here; a relative one is nobody's below the root.
int note_open(char const* path, int flags, auto open_it) {
    auto const known = is_recording ? below_root(path) : std::nullopt;
    if (known && (flags & O_DIRECT) != 0 && is_direct_refused) {
        errno = EINVAL;
        return -1;
    }
    bool const was_there = known && ::access(path, F_OK) == 0;
    int const fd = open_it();
    KeepErrno const keep;
    if (fd < 0 || !known) return fd;
    if (!was_there)
        note({.kind = Kind::create, .path = *known, .bytes = {}, .to = {}});
    else if ((flags & O_TRUNC) != 0)
        note({.kind = Kind::truncate, .path = *known, .bytes = {}, .to = {}});
    return fd;
}

mode_t mode_in(int flags, va_list list) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(list, int)) : 0;
}

}   // namespace

WriteRecorder::WriteRecorder(std::filesystem::path const& directory) {
    std::lock_guard const lock{recording};
    if (is_recording) throw std::logic_error{"two recorders at once"};
    root = std::filesystem::canonical(directory).string() + "/";
    record.clear();
    is_recording = true;
}

WriteRecorder::~WriteRecorder() {
    is_recording = false;
    is_direct_refused = false;
    test::on_the_way = nullptr;
}

void WriteRecorder::on_the_way(std::function<int(DiskOp&)> what) {
    test::on_the_way = std::move(what);
}

void WriteRecorder::refuse_direct() {
    is_direct_refused = true;
}

std::vector<DiskOp> const& WriteRecorder::ops() const {
    return record;
}

}   // namespace test

// --- libc's, for everybody in this executable ---

extern "C" {

int open(char const* path, int flags, ...) {
    static auto* const next = test::real<int(char const*, int, mode_t)>("open");
    va_list list;
    va_start(list, flags);
    auto const mode = test::mode_in(flags, list);
    va_end(list);
    return test::note_open(path, flags, [&] { return next(path, flags, mode); });
}

int open64(char const* path, int flags, ...) {
    static auto* const next = test::real<int(char const*, int, mode_t)>("open64");
    va_list list;
    va_start(list, flags);
    auto const mode = test::mode_in(flags, list);
    va_end(list);
    return test::note_open(path, flags, [&] { return next(path, flags, mode); });
}

ssize_t write(int fd, void const* bytes, size_t size) {
    static auto* const next = test::real<ssize_t(int, void const*, size_t)>("write");
    off_t const offset = test::is_recording ? ::lseek(fd, 0, SEEK_CUR) : 0;
    return test::note_write(fd, bytes, size, offset,
                            [&](void const* from, size_t many) { return next(fd, from, many); });
}

ssize_t pwrite(int fd, void const* bytes, size_t size, off_t offset) {
    static auto* const next = test::real<ssize_t(int, void const*, size_t, off_t)>("pwrite");
    return test::note_write(fd, bytes, size, offset,
                            [&](void const* from, size_t many) { return next(fd, from, many, offset); });
}

ssize_t pwrite64(int fd, void const* bytes, size_t size, off64_t offset) {
    static auto* const next = test::real<ssize_t(int, void const*, size_t, off64_t)>("pwrite64");
    return test::note_write(fd, bytes, size, offset,
                            [&](void const* from, size_t many) { return next(fd, from, many, offset); });
}

int fcntl(int fd, int command, ...) {
    static auto* const next = test::real<int(int, int, void*)>("fcntl");
    va_list list;
    va_start(list, command);
    auto* const argument = va_arg(list, void*);   // an int takes as much room
    va_end(list);
    auto const flags = reinterpret_cast<std::intptr_t>(argument);
    if (command == F_SETFL && (flags & O_DIRECT) != 0 && test::is_direct_refused) {
        errno = EINVAL;
        return -1;
    }
    return next(fd, command, argument);
}

int fsync(int fd) {
    static auto* const next = test::real<int(int)>("fsync");
    int const done = next(fd);
    if (done == 0) test::note_sync(fd);
    return done;
}

int fdatasync(int fd) {
    static auto* const next = test::real<int(int)>("fdatasync");
    int const done = next(fd);
    if (done == 0) test::note_sync(fd);
    return done;
}

int ftruncate(int fd, off_t size) noexcept {
    static auto* const next = test::real<int(int, off_t)>("ftruncate");
    int const done = next(fd, size);
    test::KeepErrno const keep;
    auto const path = test::is_recording && done == 0 ? test::path_of(fd) : std::nullopt;
    if (path)
        test::note({.kind = test::Kind::truncate,
                    .path = *path,
                    .offset = static_cast<std::uint64_t>(size),
                    .bytes = {},
                    .to = {}});
    return done;
}

int rename(char const* from, char const* to) noexcept {
    static auto* const next = test::real<int(char const*, char const*)>("rename");
    int const done = next(from, to);
    test::KeepErrno const keep;
    auto const path = test::is_recording && done == 0 ? test::below_root(from) : std::nullopt;
    if (path)
        test::note({.kind = test::Kind::rename,
                    .path = *path,
                    .bytes = {},
                    .to = test::below_root(to).value_or("outside")});
    return done;
}

int unlink(char const* path) noexcept {
    static auto* const next = test::real<int(char const*)>("unlink");
    int const done = next(path);
    test::KeepErrno const keep;
    auto const known = test::is_recording && done == 0 ? test::below_root(path) : std::nullopt;
    if (known) test::note({.kind = test::Kind::remove, .path = *known, .bytes = {}, .to = {}});
    return done;
}

}   // extern "C"
