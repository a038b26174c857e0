package diagnosis_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"testing"

	"cloudpay/internal/diagnosis"
	"cloudpay/internal/diagnosis/mutants"
)

// TestOpenSignature: the public key gives back the digest and its hash, and opens nothing else.
func TestOpenSignature(t *testing.T) {
	t.Parallel()
	world, err := mutants.NewWorld()
	must(t, err)
	for name, hash := range map[string]crypto.Hash{"SHA-256": crypto.SHA256, "MD5": crypto.MD5} {
		digest := hash.New()
		digest.Write([]byte("message"))
		sum := digest.Sum(nil)
		signature, err := rsa.SignPKCS1v15(nil, world.Key, hash, sum)
		must(t, err)
		got, gotSum, ok := diagnosis.OpenSignature(&world.Key.PublicKey, signature)
		if !ok || got != name || !bytes.Equal(gotSum, sum) {
			t.Errorf("opened to %s %x (%t), want %s %x", got, gotSum, ok, name, sum)
		}
		signature[0] ^= 1
		if _, _, ok := diagnosis.OpenSignature(&world.Key.PublicKey, signature); ok {
			t.Error("a changed signature opened")
		}
	}
}
