package interop_test

import (
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
)

// messages are some to sign that are easily got wrong, and many that nobody would think of.
func messages() []string {
	list := []string{
		"1722850421\nd824f2e086d3c1df967785d13fcd22ef\n\n",
		"GET\n/v3/certificates\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n\n",
		"{\"attach\":\"关单 \\u0000 é\"}\n",
		"\xff\xfe not UTF-8\n",
		strings.Repeat("a", 1<<16),
	}
	r := source()
	for range 150 {
		list = append(list, randomBytes(r, 1+r.IntN(600)))
	}
	return list
}

func randomBytes(r *mathrand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func TestSignaturesAreTheSameBytes(t *testing.T) {
	t.Parallel()
	signs := merchant(t).signs()
	for _, message := range messages() {
		ours, theirs := signs["v3json"](t, message), signs["wechatpay-go"](t, message)
		if ours != theirs {
			t.Errorf("signing %.60q: got %s, wechatpay-go makes %s", message, ours, theirs)
		}
	}
}

func TestEachVerifiesTheOther(t *testing.T) {
	t.Parallel()
	p := platform(t)
	for name, sign := range p.signs() {
		t.Run("signed by "+name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := eitherMode(t), keyring(t)
			for _, message := range messages() {
				signature := sign(t, message)
				for id, verifier := range theirs {
					if err := verifier.Verify(t.Context(), id, message, signature); err != nil {
						t.Errorf("wechatpay-go refuses %.60q as %s: %v", message, id, err)
					}
					if err := ours.Verify(id, message, signature); err != nil {
						t.Errorf("v3json refuses %.60q as %s: %v", message, id, err)
					}
				}
			}
		})
	}
}

// eitherMode is the platform as the SDK knows it in either mode, by the id that its replies carry.
func eitherMode(t *testing.T) map[string]auth.Verifier {
	t.Helper()
	return map[string]auth.Verifier{
		publicKeyID:        platform(t).theirPublicKeyVerifier(t),
		platform(t).serial: platform(t).theirVerifier(t),
	}
}

// A message or a signature with any one byte changed is refused by both, in either mode.
func TestBothRefuseWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	const message = "1722850421\nd824f2e086d3c1df967785d13fcd22ef\n{\"trade_state\":\"CLOSED\"}\n"
	signature := platform(t).signs()["wechatpay-go"](t, message)
	ours := keyring(t)
	for id, verifier := range eitherMode(t) {
		refused := func(what, id, message, signature string) {
			t.Helper()
			if verifier.Verify(t.Context(), id, message, signature) == nil {
				t.Errorf("wechatpay-go accepts %s", what)
			}
			if ours.Verify(id, message, signature) == nil {
				t.Errorf("v3json accepts %s", what)
			}
		}
		for i := range message {
			refused("another message", id, message[:i]+string(message[i]^1)+message[i+1:], signature)
		}
		// The last digit before the padding is another matter: see TestOneSpellingOfASignature.
		for i := range len(signature) - len("x==") {
			digit := "A"
			if signature[i] == 'A' {
				digit = "B"
			}
			refused("another signature", id, message, signature[:i]+digit+signature[i+1:])
		}
		refused("half a signature", id, message, signature[:len(signature)/2])
		refused("no signature", id, message, "")
		refused("a signature test", id, message, "WECHATPAY/SIGNTEST/"+signature)
		refused("the merchant's signature", id, message, merchant(t).signs()["wechatpay-go"](t, message))
		refused("another serial", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", message, signature)
		refused("another public key id", "PUB_KEY_ID_1", message, signature)
	}
}

// Base64 can spell the same bytes in several ways, which the SDK reads all alike. v3json takes the
// one that is sent.
func TestOneSpellingOfASignature(t *testing.T) {
	t.Parallel()
	const message = "1722850421\nd824f2e086d3c1df967785d13fcd22ef\n\n"
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	signature := platform(t).signs()["wechatpay-go"](t, message)
	last := len(signature) - len("x==")
	value := strings.IndexByte(digits, signature[last]) // its lower four bits mean nothing
	for name, spelling := range map[string]string{
		"stray bits":   signature[:last] + digits[value^1:value^1+1] + "==",
		"a line break": signature[:76] + "\n" + signature[76:],
	} {
		if err := platform(t).theirVerifier(t).Verify(t.Context(), platform(t).serial, message, spelling); err != nil {
			t.Errorf("%s: wechatpay-go has become strict too, and this test has lost its point: %v", name, err)
		}
		if keyring(t).Verify(platform(t).serial, message, spelling) == nil {
			t.Errorf("%s: v3json accepts it", name)
		}
	}
}
