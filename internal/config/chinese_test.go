package config

import (
	"strings"
	"testing"
)

// TestFaultsInChinese: a problem stands behind its variable's name, with a colon between in
// doctor's report, and so must not begin with the particle 的.
func TestFaultsInChinese(t *testing.T) {
	t.Parallel()
	token := tokens(func(c *Config) *[]Secret { return &c.ServiceTokens })
	readAuthorizer := claimIs(func(c *Config) *Authorizer { return &c.HTTPAuthorizer })
	for name, fault := range map[string]*Fault{
		"token":     token(new(Config), "0123456789abcdef short"),
		"claim":     readAuthorizer(new(Config), "a b=c"),
		"value":     readAuthorizer(new(Config), "a=\x01c"),
		"BEGIN":     readPublicKey(new(Config), "----BEGIN PUBLIC KEY---- ----END PUBLIC KEY----"),
		"cut":       readPublicKey(new(Config), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY"),
		"different": readPublicKey(new(Config), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END CERTIFICATE-----"),
		"nothing":   readPublicKey(new(Config), "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"),
		"letters":   readPublicKey(new(Config), "-----BEGIN PUBLIC KEY-----\n#\n-----END PUBLIC KEY-----"),
		"lost":      readPublicKey(new(Config), "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----"),
	} {
		switch {
		case fault == nil:
			t.Errorf("%s: got no fault", name)
		case strings.HasPrefix(fault.Problem.ZH, "的"), fault.Problem.ZH == fault.Problem.EN:
			t.Errorf("%s: got %s", name, fault.Problem.ZH)
		}
	}
}
