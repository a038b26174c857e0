package app

import (
	"cloudpay/internal/config"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
)

func clientV2(c config.Config) *v2xml.Client {
	return &v2xml.Client{
		AppID:    c.AppID,
		MchID:    c.MchID,
		Key:      v2xml.Key(c.V2.Key.Reveal()),
		SignType: v2xml.SignType(c.V2.SignType),
		BaseURL:  c.BaseURL,
	}
}

// clientV3 parses the keys. What is wrong with them is added to faults under the
// name of its variable, and the client is then not to be used. A key is looked at
// even when the number that goes with it is at fault, so that both are reported.
func clientV3(c config.Config, faults *config.Faults) *v3json.Client {
	client := &v3json.Client{MchID: c.MchID, BaseURL: c.BaseURL}
	var err error
	client.Key, err = v3json.ParseKey(stand(faults, "WXPAY_SERIAL_NO", c.V3.SerialNo, "0"), []byte(c.V3.PrivateKey.Reveal()))
	file(faults, "WXPAY_PRIVATE_KEY", err)
	platform, err := v3json.ParsePublicKey(stand(faults, "WXPAY_PUBLIC_KEY_ID", c.V3.PublicKeyID, "PUB_KEY_ID_0"), []byte(c.V3.PublicKey))
	file(faults, "WXPAY_PUBLIC_KEY", err)
	if err == nil {
		client.Keys, err = v3json.NewKeyring(platform)
		file(faults, "WXPAY_PUBLIC_KEY_ID", err)
	}
	return client
}

// stand returns a value, or a stand-in for one that is at fault already: it may be
// anything, a secret in the wrong place included, and is not to be repeated.
func stand(faults *config.Faults, variable, value, in string) string {
	if faults.Has(variable) || value == "" {
		return in
	}
	return value
}

// file adds a fault found by parsing, unless the variable has one already: a key
// that is not set need not be said to be unsound too.
func file(faults *config.Faults, variable string, err error) {
	if err == nil || faults.Has(variable) {
		return
	}
	faults.List = append(faults.List, config.Fault{
		Variable: variable,
		Problem:  "cannot be used",
		Remedy:   err.Error(),
	})
}
