#include "support/rauc_bundle.hpp"

#include "ota/verity.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace test {
namespace {

Pki make_pki(TemporaryDirectory const& at) {
    must_run(at.path(),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -sha256"
             " -subj '/CN=Test CA' -keyout ca.key -out ca.pem &&"
             " openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=Test signer'"
             " -keyout sign.key -out sign.csr &&"
             " openssl x509 -req -in sign.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -sha256"
             " -out sign.pem");
    return {.keyring = at / "ca.pem", .key = at / "sign.key", .cert = at / "sign.pem"};
}

std::string mixed(std::size_t size, unsigned seed) {
    auto bytes = noise(size, seed);
    for (std::size_t i = 0; i < size; ++i) {
        auto const stretch = i / 65'536 % 5;
        if (stretch == 1) bytes[i] = static_cast<char>("compressible"[i % 12]);
        if (stretch == 3 || stretch == 4) bytes[i] = '\0';
    }
    return bytes;
}

}   // namespace

void must_run(std::filesystem::path const& in, std::string const& command) {
    auto const log = in / "command.log";
    if (std::system(("cd '" + in.string() + "' && (" + command + ") > command.log 2>&1").c_str()) != 0)
        throw std::runtime_error{command + ": " + read_whole(log)};
}

std::string read_whole(std::filesystem::path const& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream bytes;
    bytes << in.rdbuf();
    return std::move(bytes).str();
}

void write_whole(std::filesystem::path const& path, std::string_view bytes) {
    std::ofstream out{path, std::ios::binary};
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

Pki const& trusted_pki() {
    static TemporaryDirectory const at;
    static Pki const pki = make_pki(at);
    return pki;
}
Pki const& stranger_pki() {
    static TemporaryDirectory const at;
    static Pki const pki = make_pki(at);
    return pki;
}

std::string noise(std::size_t size, unsigned seed) {
    std::mt19937 random{seed};
    std::string bytes(size, '\0');
    std::ranges::generate(bytes, [&] { return static_cast<char>(random() >> 24); });
    return bytes;
}

Images odd_images() {
    Images images{.boot = mixed(700'001, 1), .rootfs = mixed(2'345'679, 2)};
    images.rootfs.replace(1'048'576, 262'144, images.boot, 0, 262'144);
    return images;
}
Images small_images() {
    return {.boot = mixed(1 << 20, 3), .rootfs = mixed(2 << 20, 4)};
}

std::string manifest_for(Images const& images) {
    auto const image = [](std::string const& name, std::string const& bytes) {
        return "[image." + name + "]\nfilename=" + name +
               ".img\nsha256=" + core::to_hex(core::sha256(bytes)) +
               "\nsize=" + std::to_string(bytes.size()) + "\n";
    };
    return "[update]\ncompatible=test-box\nversion=2.1\n" + image("boot", images.boot) +
           image("rootfs", images.rootfs);
}

std::string rauc_bundle(Images const& images, std::string const& mksquashfs_args, Pki const& pki) {
    static std::map<std::pair<core::Sha256, std::string>, std::string> made;
    auto const name =
        std::pair{core::sha256(images.boot + images.rootfs + pki.cert.string()), mksquashfs_args};
    if (auto const found = made.find(name); found != made.end()) return found->second;
    TemporaryDirectory const at;
    std::filesystem::create_directory(at / "content");
    write_whole(at / "content/boot.img", images.boot);
    write_whole(at / "content/rootfs.img", images.rootfs);
    write_whole(at / "content/manifest.raucm",
                "[update]\ncompatible=test-box\nversion=2.1\n[bundle]\nformat=verity\n"
                "[image.boot]\nfilename=boot.img\n[image.rootfs]\nfilename=rootfs.img\n");
    must_run(at.path(), "rauc bundle --cert='" + pki.cert.string() + "' --key='" + pki.key.string() +
                            "' --keyring='" + pki.keyring.string() + "' --mksquashfs-args='" +
                            mksquashfs_args + "' content made.raucb");
    return made[name] = read_whole(at / "made.raucb");
}

std::string squashfs_of(Images const& images, std::string const& mksquashfs_args) {
    TemporaryDirectory const at;
    std::filesystem::create_directory(at / "content");
    write_whole(at / "content/boot.img", images.boot);
    write_whole(at / "content/rootfs.img", images.rootfs);
    must_run(at.path(),
             "mksquashfs content made.sqfs -noappend -no-progress -all-root -no-xattrs " + mksquashfs_args);
    return read_whole(at / "made.sqfs");
}

MadeTree make_tree(std::string_view data, core::Sha256 const& salt) {
    std::vector<std::string> levels;   // leaves first
    do {
        auto const below = levels.empty() ? data : std::string_view{levels.back()};
        std::string level;
        for (std::size_t at = 0; at < below.size(); at += ota::kVerityBlock) {
            auto const digest =
                ota::verity_digest(salt, std::as_bytes(std::span{below.substr(at, ota::kVerityBlock)}));
            level.append(reinterpret_cast<char const*>(digest.data()), digest.size());
        }
        level.resize((level.size() + ota::kVerityBlock - 1) / ota::kVerityBlock * ota::kVerityBlock);
        levels.push_back(std::move(level));
    } while (levels.back().size() > ota::kVerityBlock);
    MadeTree made{.bytes = {}, .root = ota::verity_digest(salt, std::as_bytes(std::span{levels.back()}))};
    for (auto level = levels.rbegin(); level != levels.rend(); ++level) made.bytes += *level;
    return made;
}

std::string cms_of(std::string const& content, Pki const& pki, std::string const& options) {
    TemporaryDirectory const at;
    write_whole(at / "content", content);
    must_run(at.path(), "openssl cms -sign -binary -nosmimecap -outform DER " + options + " -signer '" +
                            pki.cert.string() + "' -inkey '" + pki.key.string() +
                            "' -in content -out made.cms");
    return read_whole(at / "made.cms");
}

std::string
with_signature(std::string payload, std::string const& manifest, Pki const& pki, std::string const& options) {
    auto const cms = cms_of(manifest, pki, options);
    payload += cms;
    for (int shift = 56; shift >= 0; shift -= 8) payload += static_cast<char>(cms.size() >> shift);
    return payload;
}

std::string own_bundle(std::string const& squashfs, std::string const& manifest, Pki const& pki) {
    core::Sha256 salt{};
    salt.fill(7);
    auto const tree = make_tree(squashfs, salt);
    auto const bundle = "[bundle]\nformat=verity\nverity-hash=" + core::to_hex(tree.root) +
                        "\nverity-salt=" + core::to_hex(salt) +
                        "\nverity-size=" + std::to_string(tree.bytes.size()) + "\n";
    return with_signature(squashfs + tree.bytes, manifest + bundle, pki);
}

}   // namespace test
