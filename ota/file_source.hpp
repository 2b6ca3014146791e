#pragma once
// A bundle in a local file, on a USB stick for example, served as a server would serve it: the same path
// through verification and installation as from the network.

#include "core/http.hpp"
#include "core/workers.hpp"

#include <filesystem>
#include <vector>

namespace ota {

class FileSource final : public core::HttpClient {
public:
    // Reads on the pool: a slow stick must not stop the loop.
    explicit FileSource(core::Workers& workers) : workers_{workers} {}

    // `request.url` is file_url(path). Answers 200, 206, 404 or 416. The ETag changes with the file's size,
    // time and inode. Errors: refused (another kind of URL, or no regular file), io.
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override;

private:
    core::Workers& workers_;
};

std::string file_url(std::filesystem::path const& path);

// The files *.raucb in a directory, by name; not in those below it. Errors: errno's.
core::Result<std::vector<std::filesystem::path>> bundles_in(std::filesystem::path const& directory);

}   // namespace ota
