#pragma once
// Bundles for tests: by the real `rauc bundle` and `mksquashfs`, signed with keys made by `openssl` for this
// run.

#include "ota/manifest.hpp"
#include "support/temporary_directory.hpp"

#include <filesystem>
#include <string>

namespace test {

struct Pki {
    std::filesystem::path keyring;   // the CA
    std::filesystem::path key;
    std::filesystem::path cert;   // valid for ten years from the test's start
};
Pki const& trusted_pki();    // one per process
Pki const& stranger_pki();   // has nothing to do with the other

struct Images {
    std::string boot;
    std::string rootfs;
};

// `size` bytes that do not compress and are the same for the same seed.
std::string noise(std::size_t size, unsigned seed);

// Compressible noise with runs of zero blocks in it; some of it occurs in both.
Images odd_images();     // sizes that are no multiple of anything
Images small_images();   // 1 MiB and 2 MiB, aligned

// The bytes of a verity bundle made by `rauc bundle`. `mksquashfs_args` as in RAUC's option. Throws with
// rauc's words.
std::string
rauc_bundle(Images const& images, std::string const& mksquashfs_args, Pki const& pki = trusted_pki());

// The bytes of a squashfs with boot.img and rootfs.img.
std::string squashfs_of(Images const& images, std::string const& mksquashfs_args);

// The manifest's text for the images; [bundle] is made by own_bundle.
std::string manifest_for(Images const& images);

// A hash tree as `veritysetup` makes it, and its root.
struct MadeTree {
    std::string bytes;
    core::Sha256 root{};
};
MadeTree make_tree(std::string_view data, core::Sha256 const& salt);

// What `rauc` would refuse to make: squashfs + tree + CMS over any manifest text, to which [bundle] is added.
std::string
own_bundle(std::string const& squashfs, std::string const& manifest, Pki const& pki = trusted_pki());

// `payload`, then `manifest` signed as it is, then the size. `options` for `openssl cms`.
std::string with_signature(std::string payload,
                           std::string const& manifest,
                           Pki const& pki = trusted_pki(),
                           std::string const& options = "-nodetach");

// The CMS of `content` in DER, by `openssl cms -sign`.
std::string cms_of(std::string const& content, Pki const& pki, std::string const& options = "-nodetach");

std::string read_whole(std::filesystem::path const& path);
void write_whole(std::filesystem::path const& path, std::string_view bytes);

// Throws with the output of the command if it fails.
void must_run(std::filesystem::path const& in, std::string const& command);

}   // namespace test
