#include "ota/file_source.hpp"

#include "core/owned.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ota {

using core::Errc;
using core::fail;
using core::fail_errno;
using core::Result;
using core::Task;

namespace {

constexpr std::string_view kScheme = "file://";
constexpr std::size_t kReadAtOnce = 256 * 1024;

// What the pool works on; it outlives a stream that is dropped in the middle of a read.
struct OpenFile {
    core::OwnedFd fd;
    std::vector<std::byte> room = std::vector<std::byte>(kReadAtOnce);

    Result<std::size_t> read(std::uint64_t offset, std::size_t most) {
        for (;;) {
            auto const n =
                ::pread(fd.get(), room.data(), std::min(most, room.size()), static_cast<off_t>(offset));
            if (n >= 0) return static_cast<std::size_t>(n);
            if (errno != EINTR) return fail_errno("reading the bundle's file");
        }
    }
};

class FileStream final : public core::HttpStream {
public:
    FileStream(core::Workers& workers,
               core::HttpHead head,
               core::OwnedFd fd,
               std::uint64_t offset,
               std::uint64_t size)
        : workers_{workers}, head_{std::move(head)}, offset_{offset}, left_{size} {
        file_->fd = std::move(fd);
    }

    core::HttpHead const& head() const override { return head_; }

    Task<Result<std::size_t>> read(std::span<std::byte> into) override {
        auto const most = static_cast<std::size_t>(std::min<std::uint64_t>(left_, into.size()));
        if (most == 0) co_return std::size_t{0};
        auto work = [file = file_, offset = offset_, most] { return file->read(offset, most); };
        auto const got = co_await workers_.run(std::move(work));
        if (!got) co_return got;
        if (*got == 0) co_return fail(Errc::unreachable, "the bundle's file ended early");
        std::memcpy(into.data(), file_->room.data(), *got);
        offset_ += *got;
        left_ -= *got;
        co_return got;
    }

private:
    core::Workers& workers_;
    core::HttpHead head_;
    std::shared_ptr<OpenFile> file_ = std::make_shared<OpenFile>();
    std::uint64_t offset_;
    std::uint64_t left_;
};

struct Opened {
    core::OwnedFd fd;
    struct stat status {};
};

Result<Opened> open_file(std::string const& path) {
    Opened opened;
    opened.fd = core::OwnedFd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!opened.fd) return fail_errno("opening " + path);
    if (::fstat(opened.fd.get(), &opened.status) != 0) return fail_errno("looking at " + path);
    if (!S_ISREG(opened.status.st_mode)) return fail(Errc::refused, path + " is no file");
    return opened;
}

std::string etag_of(struct stat const& status) {
    return '"' + std::to_string(status.st_ino) + '-' + std::to_string(status.st_size) + '-' +
           std::to_string(status.st_mtim.tv_sec) + '.' + std::to_string(status.st_mtim.tv_nsec) + '"';
}

// Which bytes a request means; nothing: none that there are.
std::optional<core::ContentRange> bytes_wanted(std::optional<core::ByteRange> const& range,
                                               std::uint64_t size) {
    if (!range) return core::ContentRange{0, size - 1, size};
    auto const first = range->first.value_or(size - std::min(size, range->last));
    auto const last = range->first ? std::min(range->last, size - 1) : size - 1;
    if (size == 0 || first > last) return std::nullopt;
    return core::ContentRange{first, last, size};
}

}   // namespace

Task<Result<std::unique_ptr<core::HttpStream>>> FileSource::open(core::HttpRequest request) {
    if (!request.url.starts_with(kScheme)) co_return fail(Errc::refused, "this is no file: " + request.url);
    auto const path = request.url.substr(kScheme.size());
    auto work = [path] { return open_file(path); };
    auto opened = co_await workers_.run(std::move(work));
    if (!opened) co_return opened.error();

    auto const size = static_cast<std::uint64_t>(opened->status.st_size);
    core::HttpHead head{.status = 416, .etag = etag_of(opened->status), .url = request.url};
    auto range = bytes_wanted(request.range, size);
    if (!request.range) {
        head.status = 200;
        if (size == 0) range = core::ContentRange{0, 0, 0};
    } else if (range) {
        head.status = 206;
        head.content_range = range;
    }
    auto const length = range && size > 0 ? range->last - range->first + 1 : 0;
    head.content_length = length;
    co_return std::make_unique<FileStream>(workers_, std::move(head), std::move(opened->fd),
                                           range ? range->first : 0, length);
}

std::string file_url(std::filesystem::path const& path) {
    return std::string{kScheme} + path.string();
}

Result<std::vector<std::filesystem::path>> bundles_in(std::filesystem::path const& directory) {
    std::error_code failed;
    std::vector<std::filesystem::path> bundles;
    for (std::filesystem::directory_iterator entry{directory, failed}, end; !failed && entry != end;
         entry.increment(failed)) {
        std::error_code unreadable;
        if (entry->path().extension() == ".raucb" && entry->is_regular_file(unreadable))
            bundles.push_back(entry->path());
    }
    if (failed) return fail(failed, "looking into " + directory.string());
    std::ranges::sort(bundles);
    return bundles;
}

}   // namespace ota
