#include "crypto/key_exchange.hpp"

#include "crypto/crypto.hpp"
#include "crypto/x25519_pem.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <array>
#include <memory>

namespace lode::crypto {

namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using pkey_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using pkey_context_ptr = std::unique_ptr<EVP_PKEY_CTX, freed_by<EVP_PKEY_CTX_free>>;

constexpr std::size_t max_pem = std::size_t{16} * 1024;
constexpr int least_rsa_bits = 2048;

static_assert(crypto_box_PUBLICKEYBYTES == x25519_key{}.size() && crypto_box_SECRETKEYBYTES == x25519_key{}.size());

/// OpenSSL's errors stay in a queue of the thread, where TLS code of others would find them.
error failed(std::string_view what, errc code = errc::key_invalid) {
  ERR_clear_error();
  return {code, std::string(what)};
}

/// Without this OpenSSL would ask for the password of an encrypted PEM on the terminal.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

bio_ptr reader_of(std::string_view pem) {
  if (pem.size() > max_pem) return nullptr;
  return bio_ptr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::string text_in(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

result<key_kind> kind_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "X25519") == 1) return key_kind::x25519;
  if (EVP_PKEY_is_a(key, "RSA") != 1) return failed("the key is neither RSA nor X25519");
  if (EVP_PKEY_get_bits(key) < least_rsa_bits) return failed("the RSA key has fewer than 2048 bits");
  return key_kind::rsa2048;
}

/// A key and what kind it is; the member of the other kind is empty.
struct read_key {
  key_kind kind = key_kind::rsa2048;
  pkey_ptr rsa;
  x25519_key x25519{};

  read_key() = default;
  explicit read_key(const x25519_key& raw) : kind(key_kind::x25519), x25519(raw) {}
  read_key(read_key&&) = default;
  read_key& operator=(read_key&&) = delete;
  read_key(const read_key&) = delete;
  read_key& operator=(const read_key&) = delete;
  ~read_key() { sodium_memzero(x25519.data(), x25519.size()); }
};

/// `raw_of` reads the 32 bytes of an X25519 key.
result<read_key> read_by_openssl(pkey_ptr key, int (*raw_of)(const EVP_PKEY*, unsigned char*, std::size_t*)) {
  const auto kind = kind_of(key.get());
  if (!kind) return kind.error();
  read_key read;
  read.kind = *kind;
  auto size = read.x25519.size();
  if (*kind == key_kind::rsa2048)
    read.rsa = std::move(key);
  else if (raw_of(key.get(), read.x25519.data(), &size) != 1 || size != read.x25519.size())
    return failed("the X25519 key cannot be read");
  return read;
}

result<read_key> read_public(std::string_view pem) {
  if (const auto raw = x25519_public_from_pem(pem)) return read_key{*raw};
  const auto bio = reader_of(pem);
  pkey_ptr key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr) : nullptr);
  if (!key) return failed("not a public key in PEM");
  return read_by_openssl(std::move(key), EVP_PKEY_get_raw_public_key);
}

result<read_key> read_private(std::string_view pem) {
  if (auto raw = x25519_private_from_pem(pem)) {
    result<read_key> read{read_key{*raw}};
    sodium_memzero(raw->data(), raw->size());
    return read;
  }
  const auto bio = reader_of(pem);
  pkey_ptr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr) : nullptr);
  if (!key) return failed("not an unencrypted private key in PEM");
  return read_by_openssl(std::move(key), EVP_PKEY_get_raw_private_key);
}

bool use_oaep_sha256(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0;
}

const unsigned char* bytes(std::string_view s) noexcept { return reinterpret_cast<const unsigned char*>(s.data()); }
unsigned char* bytes(std::string& s) noexcept { return reinterpret_cast<unsigned char*>(s.data()); }

result<std::string> encrypt_rsa(EVP_PKEY* key, std::string_view plain) {
  const pkey_context_ptr context(EVP_PKEY_CTX_new(key, nullptr));
  if (!context || EVP_PKEY_encrypt_init(context.get()) <= 0 || !use_oaep_sha256(context.get()))
    return failed("RSA-OAEP cannot be set up", errc::internal);
  std::string sealed(static_cast<std::size_t>(EVP_PKEY_get_size(key)), '\0');
  auto size = sealed.size();
  if (EVP_PKEY_encrypt(context.get(), bytes(sealed), &size, bytes(plain), plain.size()) <= 0)
    return failed("the text is too long for RSA-OAEP under this key");
  sealed.resize(size);
  return sealed;
}

result<std::string> decrypt_rsa(EVP_PKEY* key, std::string_view sealed) {
  const pkey_context_ptr context(EVP_PKEY_CTX_new(key, nullptr));
  if (!context || EVP_PKEY_decrypt_init(context.get()) <= 0 || !use_oaep_sha256(context.get()))
    return failed("RSA-OAEP cannot be set up", errc::internal);
  std::string plain(static_cast<std::size_t>(EVP_PKEY_get_size(key)), '\0');
  auto size = plain.size();
  if (EVP_PKEY_decrypt(context.get(), bytes(plain), &size, bytes(sealed), sealed.size()) <= 0) {
    wipe(plain);
    return failed("the ciphertext is not for this key");
  }
  plain.resize(size);
  return plain;
}

result<std::string> seal(const x25519_key& recipient, std::string_view plain) {
  std::string sealed(plain.size() + crypto_box_SEALBYTES, '\0');
  if (crypto_box_seal(bytes(sealed), bytes(plain), plain.size(), recipient.data()) != 0)
    return failed("the X25519 key is of low order");
  return sealed;
}

result<std::string> open_sealed(const x25519_key& secret, std::string_view sealed, std::string_view public_pem) {
  if (sealed.size() < crypto_box_SEALBYTES) return failed("the ciphertext is too short");
  x25519_key recipient{};
  if (const auto known = x25519_public_from_pem(public_pem))
    recipient = *known;
  else
    crypto_scalarmult_base(recipient.data(), secret.data());
  std::string plain(sealed.size() - crypto_box_SEALBYTES, '\0');
  if (crypto_box_seal_open(bytes(plain), bytes(sealed), sealed.size(), recipient.data(), secret.data()) != 0)
    return failed("the ciphertext is not for this key");
  return plain;
}

key_pair make_x25519() {
  x25519_key recipient{};
  x25519_key secret{};
  crypto_box_keypair(recipient.data(), secret.data());
  key_pair pair{key_kind::x25519, x25519_public_to_pem(recipient), x25519_private_to_pem(secret)};
  sodium_memzero(secret.data(), secret.size());
  return pair;
}

}  // namespace

result<key_pair> make_key_pair(key_kind kind) {
  if (kind == key_kind::x25519) return make_x25519();
  const pkey_ptr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
  const bio_ptr public_out(BIO_new(BIO_s_mem()));
  const bio_ptr private_out(BIO_new(BIO_s_mem()));
  if (!key || !public_out || !private_out || PEM_write_bio_PUBKEY(public_out.get(), key.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(private_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return failed("no key pair could be made", errc::internal);
  return key_pair{kind, text_in(public_out.get()), text_in(private_out.get())};
}

result<key_kind> kind_of_public_key(std::string_view public_pem) {
  const auto recipient = read_public(public_pem);
  if (!recipient) return recipient.error();
  return recipient->kind;
}

result<std::string> encrypt_to(std::string_view public_pem, std::string_view plain) {
  const auto recipient = read_public(public_pem);
  if (!recipient) return recipient.error();
  const auto sealed =
      recipient->kind == key_kind::x25519 ? seal(recipient->x25519, plain) : encrypt_rsa(recipient->rsa.get(), plain);
  if (!sealed) return sealed.error();
  return to_base64(*sealed);
}

result<std::string> decrypt_with(std::string_view private_pem, std::string_view base64_ciphertext,
                                 std::string_view public_pem) {
  const auto recipient = read_private(private_pem);
  if (!recipient) return recipient.error();
  const auto sealed = from_base64(base64_ciphertext);
  if (!sealed) return sealed.error();
  return recipient->kind == key_kind::x25519 ? open_sealed(recipient->x25519, *sealed, public_pem)
                                             : decrypt_rsa(recipient->rsa.get(), *sealed);
}

struct box_maker::ephemeral {
  x25519_key open{};
  x25519_key secret{};
};

box_maker::box_maker() : key_(std::make_unique<ephemeral>()) {
  crypto_box_keypair(key_->open.data(), key_->secret.data());
}

box_maker::~box_maker() { sodium_memzero(key_->secret.data(), key_->secret.size()); }

result<std::string> box_maker::encrypt_to(std::string_view public_pem, std::string_view plain) const {
  const auto recipient = x25519_public_from_pem(public_pem);
  if (!recipient) return crypto::encrypt_to(public_pem, plain);
  // A sealed box is the ephemeral key and a box whose nonce is the hash of both keys (libsodium, "Sealed boxes").
  std::array<unsigned char, crypto_box_NONCEBYTES> nonce{};
  crypto_generichash_state hash;
  crypto_generichash_init(&hash, nullptr, 0, nonce.size());
  crypto_generichash_update(&hash, key_->open.data(), key_->open.size());
  crypto_generichash_update(&hash, recipient->data(), recipient->size());
  crypto_generichash_final(&hash, nonce.data(), nonce.size());
  std::string sealed(reinterpret_cast<const char*>(key_->open.data()), key_->open.size());
  sealed.resize(plain.size() + crypto_box_SEALBYTES);
  if (crypto_box_easy(bytes(sealed) + key_->open.size(), bytes(plain), plain.size(), nonce.data(), recipient->data(),
                      key_->secret.data()) != 0)
    return failed("the X25519 key is of low order");
  return to_base64(sealed);
}

}  // namespace lode::crypto
