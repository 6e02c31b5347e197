#include "crypto/key_exchange.hpp"

#include "fixtures.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

namespace lode::crypto {
namespace {

constexpr std::string_view access = R"({"username":"root","password":"abcdefghij","port":4444,"version":183})";

struct openssl_free {
  void operator()(BIO* p) const { BIO_free_all(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
};
template <class T>
using owned = std::unique_ptr<T, openssl_free>;

std::string public_pem_of(EVP_PKEY* key) {
  const owned<BIO> bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_PUBKEY(bio.get(), key), 1);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

const key_pair& rsa() {
  static const auto pair = make_key_pair(key_kind::rsa2048).value();
  return pair;
}

class both_kinds : public ::testing::TestWithParam<key_kind> {
 protected:
  both_kinds() : pair(GetParam() == key_kind::rsa2048 ? rsa() : make_key_pair(GetParam()).value()) {}
  key_pair pair;
};

TEST_P(both_kinds, makes_pem) {
  EXPECT_EQ(pair.kind, GetParam());
  EXPECT_TRUE(pair.public_pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
  EXPECT_TRUE(pair.private_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_EQ(kind_of_public_key(pair.public_pem).value(), GetParam());
  EXPECT_NE(make_key_pair(GetParam()).value().private_pem, pair.private_pem);
}

TEST_P(both_kinds, round_trips) {
  for (const std::string_view plain : {std::string_view("x"), access}) {
    const auto sealed = encrypt_to(pair.public_pem, plain);
    ASSERT_TRUE(sealed) << sealed.error().to_string();
    EXPECT_EQ(decrypt_with(pair.private_pem, *sealed).value(), plain);
  }
  EXPECT_EQ(decrypt_with(pair.private_pem, encrypt_to(pair.public_pem, "").value()).value(), "");
}

TEST_P(both_kinds, opens_with_the_public_key_at_hand_but_not_with_another) {
  const auto sealed = encrypt_to(pair.public_pem, access).value();
  EXPECT_EQ(decrypt_with(pair.private_pem, sealed, pair.public_pem).value(), access);
  if (GetParam() == key_kind::rsa2048) return;  // which does not need it
  EXPECT_FALSE(decrypt_with(pair.private_pem, sealed, make_key_pair(GetParam()).value().public_pem));
}

TEST_P(both_kinds, opens_what_a_box_maker_encrypted) {
  const box_maker boxes;
  const auto other = make_key_pair(GetParam()).value();
  for (const auto& recipient : {pair, other}) {
    const auto sealed = boxes.encrypt_to(recipient.public_pem, access).value();
    EXPECT_EQ(decrypt_with(recipient.private_pem, sealed).value(), access);
    EXPECT_EQ(decrypt_with(recipient.private_pem, sealed, recipient.public_pem).value(), access);
    const auto& not_meant = recipient.public_pem == pair.public_pem ? other : pair;
    EXPECT_FALSE(decrypt_with(not_meant.private_pem, sealed));
  }
  EXPECT_FALSE(boxes.encrypt_to("no key", access));
}

TEST_P(both_kinds, encrypts_differently_each_time) {
  EXPECT_NE(encrypt_to(pair.public_pem, access).value(), encrypt_to(pair.public_pem, access).value());
}

TEST_P(both_kinds, refuses_ciphertext_for_another_key) {
  const auto other = make_key_pair(GetParam()).value();
  const auto opened = decrypt_with(other.private_pem, encrypt_to(pair.public_pem, access).value());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::key_invalid);
  EXPECT_EQ(opened.error().detail.find("root"), std::string::npos);
}

TEST_P(both_kinds, refuses_ciphertext_with_any_byte_changed) {
  const auto sealed = from_base64(encrypt_to(pair.public_pem, access).value()).value();
  for (std::size_t i = 0; i < sealed.size(); i += 5) {
    auto changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(decrypt_with(pair.private_pem, to_base64(changed))) << i;
  }
}

TEST_P(both_kinds, refuses_ciphertext_that_is_none) {
  for (const auto* text : {"", "not base64!", "AAAA", "Zg"}) EXPECT_FALSE(decrypt_with(pair.private_pem, text)) << text;
  const auto sealed = from_base64(encrypt_to(pair.public_pem, access).value()).value();
  EXPECT_FALSE(decrypt_with(pair.private_pem, to_base64(sealed.substr(1))));
  EXPECT_FALSE(decrypt_with(pair.private_pem, to_base64(sealed + "x")));
}

TEST_P(both_kinds, does_not_take_one_half_for_the_other) {
  EXPECT_FALSE(encrypt_to(pair.private_pem, access));
  EXPECT_FALSE(kind_of_public_key(pair.private_pem));
  EXPECT_FALSE(decrypt_with(pair.public_pem, encrypt_to(pair.public_pem, access).value()));
}

INSTANTIATE_TEST_SUITE_P(key_exchange, both_kinds, ::testing::Values(key_kind::rsa2048, key_kind::x25519),
                         [](const auto& info) { return info.param == key_kind::rsa2048 ? "rsa2048" : "x25519"; });

TEST(key_exchange, rsa_takes_190_bytes_and_no_more) {
  const std::string most(190, 'x');
  EXPECT_EQ(decrypt_with(rsa().private_pem, encrypt_to(rsa().public_pem, most).value()).value(), most);
  EXPECT_FALSE(encrypt_to(rsa().public_pem, most + "x"));
}

TEST(key_exchange, x25519_takes_long_text) {
  const auto pair = make_key_pair(key_kind::x25519).value();
  const std::string text(10000, 'x');
  EXPECT_EQ(decrypt_with(pair.private_pem, encrypt_to(pair.public_pem, text).value()).value(), text);
}

// OAEP with SHA-1, OpenSSL's default, is not what miners use.
TEST(key_exchange, refuses_oaep_with_another_hash) {
  const owned<BIO> bio(BIO_new_mem_buf(rsa().public_pem.data(), static_cast<int>(rsa().public_pem.size())));
  const owned<EVP_PKEY> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  const owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key.get(), nullptr));
  ASSERT_GT(EVP_PKEY_encrypt_init(context.get()), 0);
  ASSERT_GT(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING), 0);
  std::string sealed(256, '\0');
  auto size = sealed.size();
  ASSERT_GT(EVP_PKEY_encrypt(context.get(), reinterpret_cast<unsigned char*>(sealed.data()), &size,
                             reinterpret_cast<const unsigned char*>("x"), 1),
            0);
  EXPECT_FALSE(decrypt_with(rsa().private_pem, to_base64(sealed)));
}

TEST(key_exchange, refuses_short_rsa_and_other_kinds) {
  const owned<EVP_PKEY> short_rsa(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024}));
  const owned<EVP_PKEY> ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const owned<EVP_PKEY> p256(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  for (const auto& pem : {public_pem_of(short_rsa.get()), public_pem_of(ed25519.get()), public_pem_of(p256.get())}) {
    const auto kind = kind_of_public_key(pem);
    ASSERT_FALSE(kind);
    EXPECT_EQ(kind.error().code, errc::key_invalid);
    EXPECT_FALSE(encrypt_to(pem, "x"));
  }
}

TEST(key_exchange, refuses_an_x25519_key_of_low_order) {
  const std::string zero(32, '\0');
  const owned<EVP_PKEY> key(EVP_PKEY_new_raw_public_key(
      EVP_PKEY_X25519, nullptr, reinterpret_cast<const unsigned char*>(zero.data()), zero.size()));
  EXPECT_FALSE(encrypt_to(public_pem_of(key.get()), "x"));
}

TEST(key_exchange, refuses_what_is_no_pem_and_leaves_no_error_behind) {
  for (const auto& text : {std::string(), std::string("x"), std::string("-----BEGIN PUBLIC KEY-----\n"),
                           std::string("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
                           std::string(20000, 'x'), rsa().public_pem.substr(0, 200)}) {
    EXPECT_FALSE(kind_of_public_key(text)) << text.substr(0, 60);
    EXPECT_FALSE(encrypt_to(text, "x"));
    EXPECT_FALSE(decrypt_with(text, "AAAA"));
  }
  EXPECT_EQ(ERR_peek_error(), 0U);
}

// OpenSSL would otherwise ask for the password on the terminal and wait there.
TEST(key_exchange, refuses_an_encrypted_private_key_without_asking) {
  const owned<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  const owned<BIO> bio(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_256_cbc(), "pw", 2, nullptr, nullptr), 1);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  const auto opened = decrypt_with({data, static_cast<std::size_t>(size)}, "AAAA");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("unencrypted"), std::string::npos);
}

}  // namespace
}  // namespace lode::crypto
