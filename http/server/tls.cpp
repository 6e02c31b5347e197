#include "http/server/tls.hpp"

#include "http/server/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace lode::http {
namespace {

constexpr std::size_t file_limit = std::size_t{1} << 20U;
constexpr std::size_t name_limit = 512;

template <auto Free>
struct freed {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using bio_ptr = std::unique_ptr<BIO, freed<BIO_free_all>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed<EVP_PKEY_free>>;
using cert_ptr = std::unique_ptr<X509, freed<X509_free>>;
using names_ptr = std::unique_ptr<GENERAL_NAMES, freed<GENERAL_NAMES_free>>;

error invalid(std::string detail) { return error{errc::config_invalid, std::move(detail)}; }

// A PEM file's text; wiped when it goes, since it may be a key.
struct pem_text {
  std::string text;
  pem_text() = default;
  pem_text(pem_text&& other) noexcept : text(std::move(other.text)) {}
  pem_text(const pem_text&) = delete;
  pem_text& operator=(const pem_text&) = delete;
  pem_text& operator=(pem_text&&) = delete;
  ~pem_text() { OPENSSL_cleanse(text.data(), text.size()); }
  [[nodiscard]] bio_ptr bio() const { return bio_ptr{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))}; }
};

result<pem_text> read_pem(std::string_view setting, const std::string& path, bool is_key) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const auto cannot = [&](int code) {
    return invalid(fmt::format("{}: cannot read {}: {}", setting, path, std::strerror(code)));
  };
  if (fd < 0) return cannot(errno);
  struct closed {
    int fd;
    ~closed() { ::close(fd); }
  } const guard{fd};
  struct stat status {};
  if (::fstat(fd, &status) != 0) return cannot(errno);
  if (!S_ISREG(status.st_mode)) return invalid(fmt::format("{}: {} is not a file", setting, path));
  // A group is allowed to read: that is how Debian's ssl-cert shares keys.
  if (is_key && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
    return invalid(
        fmt::format("{}: {} is open to others (mode {:04o}): chmod 600 it", setting, path, status.st_mode & 07777U));
  if (static_cast<std::size_t>(status.st_size) > file_limit)
    return invalid(fmt::format("{}: {} is too large for a PEM file", setting, path));
  pem_text out;
  out.text.resize(static_cast<std::size_t>(status.st_size));
  std::size_t have = 0;
  while (have < out.text.size()) {
    const ssize_t n = ::read(fd, out.text.data() + have, out.text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return cannot(errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.text.resize(have);
  return out;
}

// Nobody is there to type a pass phrase.
int no_pass_phrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*arg*/) { return -1; }

// RFC 7301: a client that names protocols without ours is refused; one that names none speaks HTTP/1.1.
int choose_protocol(SSL* /*s*/, const unsigned char** out, unsigned char* length, const unsigned char* offered,
                    unsigned int offered_length, void* /*arg*/) {
  static constexpr std::string_view ours = "http/1.1";
  const std::string_view all{reinterpret_cast<const char*>(offered), offered_length};
  for (std::size_t at = 0; at < all.size();) {
    const auto n = static_cast<unsigned char>(all[at]);
    if (all.substr(at + 1, n) == ours) {
      *out = offered + at + 1;
      *length = n;
      return SSL_TLSEXT_ERR_OK;
    }
    at += 1U + n;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool set_rules(SSL_CTX* ctx) {
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, nullptr);
  static constexpr std::string_view id = "lode";
  return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
         // Without it a client with a certificate cannot resume a session.
         SSL_CTX_set_session_id_context(ctx, reinterpret_cast<const unsigned char*>(id.data()), id.size()) == 1;
}

result<void> use_certificate(boost::asio::ssl::context& context, const tls_settings& s) {
  auto pem = read_pem("tls.cert-file", s.cert_file, false);
  if (!pem) return pem.error();
  boost::system::error_code ec;
  context.use_certificate_chain(boost::asio::buffer(pem->text), ec);
  if (ec) return invalid(fmt::format("tls.cert-file: {} holds no certificate in PEM form", s.cert_file));
  const X509* cert = SSL_CTX_get0_certificate(context.native_handle());
  if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
    spdlog::warn("tls.cert-file: the certificate in {} has expired; clients will refuse it", s.cert_file);
  else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
    spdlog::warn("tls.cert-file: the certificate in {} is not valid yet; clients will refuse it", s.cert_file);
  return {};
}

result<void> use_key(SSL_CTX* ctx, const tls_settings& s) {
  auto pem = read_pem("tls.key-file", s.key_file, true);
  if (!pem) return pem.error();
  const key_ptr key{PEM_read_bio_PrivateKey(pem->bio().get(), nullptr, no_pass_phrase, nullptr)};
  if (!key)
    return invalid(fmt::format("tls.key-file: {} holds no private key in PEM form without a pass phrase", s.key_file));
  if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key.get()) != 1)
    return invalid(
        fmt::format("tls.key-file: {} is not the key of the certificate in {} (tls.cert-file): use the two "
                    "that were made together",
                    s.key_file, s.cert_file));
  if (SSL_CTX_use_PrivateKey(ctx, key.get()) != 1)
    return invalid(fmt::format("tls.key-file: the key in {} cannot be used: make a stronger one", s.key_file));
  return {};
}

result<void> ask_for_clients(SSL_CTX* ctx, const tls_settings& s) {
  if (s.clients == client_certificates::off) return {};
  auto pem = read_pem("tls.client-ca-file", s.client_ca_file, false);
  if (!pem) return pem.error();
  const bio_ptr bio = pem->bio();
  X509_STORE* store = SSL_CTX_get_cert_store(ctx);
  std::size_t found = 0;
  while (const cert_ptr ca{PEM_read_bio_X509(bio.get(), nullptr, no_pass_phrase, nullptr)}) {
    if (X509_STORE_add_cert(store, ca.get()) != 1 || SSL_CTX_add_client_CA(ctx, ca.get()) != 1)
      return invalid(fmt::format("tls.client-ca-file: a certificate in {} cannot be used", s.client_ca_file));
    ++found;
  }
  if (found == 0)
    return invalid(fmt::format("tls.client-ca-file: {} holds no certificate in PEM form", s.client_ca_file));
  SSL_CTX_set_verify(
      ctx,
      s.clients == client_certificates::required ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER,
      nullptr);
  return {};
}

void append_printable(std::string& out, std::string_view text) {
  for (const char c : text)
    if (out.size() < name_limit) out.push_back(c > 0x20 && c < 0x7f ? c : '?');
}

void append_names(std::string& out, X509* cert) {
  const names_ptr names{static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    const std::string_view kind = name->type == GEN_DNS     ? "DNS:"
                                  : name->type == GEN_URI   ? "URI:"
                                  : name->type == GEN_EMAIL ? "email:"
                                                            : "";
    if (kind.empty()) continue;
    if (!out.empty()) out.push_back(' ');
    out.append(kind);
    append_printable(out, {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.ia5)),
                           static_cast<std::size_t>(ASN1_STRING_length(name->d.ia5))});
  }
}

}  // namespace

result<std::shared_ptr<tls_context>> load_tls(const tls_settings& settings) {
  boost::asio::ssl::context context{boost::asio::ssl::context::tls_server};
  ERR_clear_error();
  if (!set_rules(context.native_handle())) return error{errc::internal, "OpenSSL refuses the rules of TLS"};
  if (const auto used = use_certificate(context, settings); !used) return used.error();
  if (const auto used = use_key(context.native_handle(), settings); !used) return used.error();
  if (const auto used = ask_for_clients(context.native_handle(), settings); !used) return used.error();
  ERR_clear_error();  // the end of a PEM file leaves one
  return std::make_shared<tls_context>(std::move(context));
}

std::string detail::peer_of(SSL* connection) {
  const cert_ptr cert{SSL_get1_peer_certificate(connection)};
  if (!cert || SSL_get_verify_result(connection) != X509_V_OK) return {};
  const bio_ptr text{BIO_new(BIO_s_mem())};
  std::string out;
  if (text && X509_NAME_print_ex(text.get(), X509_get_subject_name(cert.get()), 0, XN_FLAG_RFC2253) > 0) {
    char* data = nullptr;
    const long n = BIO_get_mem_data(text.get(), &data);
    if (n > 0) out.assign(data, std::min(static_cast<std::size_t>(n), name_limit));
  }
  append_names(out, cert.get());
  return out;
}

}  // namespace lode::http
