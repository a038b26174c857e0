package diagnosis //nolint:testpackage // the arithmetic has no other way in

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// TestPublishedGCM takes wechatpay-go's example apart (utils/aes_test.go).
func TestPublishedGCM(t *testing.T) {
	t.Parallel()
	raw, err := base64.StdEncoding.DecodeString("FsdXzxryWfKwvLJKf8LG/ToRPTRh8RN9wROC")
	if err != nil {
		t.Fatal(err)
	}
	g := newGCM("testAPIv3Key0000")
	text, tag := raw[:len(raw)-tagSize], raw[len(raw)-tagSize:]
	if got := string(g.decrypt("wCq51qZv4Yfg", text)); got != "Hello World" {
		t.Errorf("decrypted %q", got)
	}
	// its associated data has 32 bytes, which are too many to be found
	if data, ok := g.associatedData("wCq51qZv4Yfg", text, tag); ok {
		t.Errorf("found the associated data %q", data)
	}
}

// TestAssociatedData finds what Go's own GCM was given, at every length and beside texts of all
// lengths around a block.
func TestAssociatedData(t *testing.T) {
	t.Parallel()
	const key, nonce = "0123456789abcdefGHIJKLMNOPQRSTUV", "EmuNonce0001"
	g := newGCM(key)
	aesCipher, err := aes.NewCipher([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	for _, nonce := range []string{nonce, "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "short"} {
		aead, err := cipher.NewGCMWithNonceSize(aesCipher, len(nonce))
		if err != nil {
			t.Fatal(err)
		}
		for size := 0; size <= aes.BlockSize; size += Stride() {
			for _, length := range []int{1, 15, 16, 17, 100} {
				data, plain := "transaction~1234"[:size], strings.Repeat("x", length)
				sealed := aead.Seal(nil, []byte(nonce), []byte(plain), []byte(data))
				text, tag := sealed[:length], sealed[length:]
				if got, ok := g.associatedData(nonce, text, tag); !ok || got != data {
					t.Errorf("nonce of %d, %d bytes: got %q (%t), want %q", len(nonce), length, got, ok, data)
				}
				if got := string(g.decrypt(nonce, text)); got != plain {
					t.Errorf("nonce of %d, %d bytes: decrypted %q", len(nonce), length, got)
				}
				for i := 0; i < len(sealed); i += Stride() {
					sealed[i] ^= 0x40
					if got, ok := g.associatedData(nonce, text, tag); ok && got == data {
						t.Errorf("byte %d changed: still %q", i, got)
					}
					sealed[i] ^= 0x40
				}
			}
		}
	}
}

func TestNonceOf(t *testing.T) {
	t.Parallel()
	const nonce, plain = "EmuNonce0001", `{"transaction_id":"1"}`
	g := newGCM("0123456789abcdefGHIJKLMNOPQRSTUV")
	text := g.decrypt(nonce, []byte(plain)) // a counter encrypts as it decrypts
	if got, ok := g.nonceOf(text, []byte(plain[:16])); !ok || got != nonce {
		t.Errorf("got %q (%t), want %q", got, ok, nonce)
	}
	if got, ok := g.nonceOf(text, []byte(`{"out_trade_no":`)); ok {
		t.Errorf("with another beginning: got %q", got)
	}
	if got, ok := newGCM("another key of thirty-two letters"[:32]).nonceOf(text, []byte(plain[:16])); ok {
		t.Errorf("with another key: got %q", got)
	}
}

// TestField multiplies by the example of the specification of GCM (test case 2: H, and C times H).
func TestField(t *testing.T) {
	t.Parallel()
	h := block{0x66e94bd4ef8a2c3b, 0x884cfa59ca342b2e}
	c := block{0x0388dace60b6a392, 0xf328c2b971b2fe78}
	if got, want := c.times(h), (block{0x5e2ec74691706288, 0x2c85b0685353deb7}); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
	if got, want := h.times(h.inverse()), (block{hi: 1 << 63}); got != want {
		t.Errorf("times its inverse: got %x, want %x", got, want)
	}
	if got := fmt.Sprint((block{}).inverse()); got != fmt.Sprint(block{}) {
		t.Errorf("the inverse of zero: got %s", got)
	}
}
