package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/platform"
)

// descriptionFile is where a running emulator says how it is reached.
const descriptionFile = "emulator.json"

// description is what whoever wants to use an emulator has to know of it.
type description struct {
	GatewayURL string `json:"gateway_url"`
	BackupURL  string `json:"backup_url"`
	AdminURL   string `json:"admin_url"`
	CloudURL   string `json:"cloud_url"`
	// Runtime is what the emulator's own functions run on (--runtime).
	Runtime platform.Runtime `json:"runtime"`
	// Env is what a function needs, as the merchant itself; PartnerEnv the same
	// as a service provider for the merchant's SubMchID. The emulator's own
	// functions run with one of the two (--partner).
	Env        map[string]string `json:"env"`
	PartnerEnv map[string]string `json:"partner_env"`
	Merchant   describedMerchant `json:"merchant"`
}

type describedMerchant struct {
	MchID       string `json:"mchid"`
	AppID       string `json:"appid"`
	SubMchID    string `json:"sub_mchid"`
	Serial      string `json:"serial"`
	PrivateKey  string `json:"private_key"` // a path
	PublicKey   string `json:"public_key"`  // a path: the gateway's
	PublicKeyID string `json:"public_key_id"`
	V2Key       string `json:"v2_key"`
	V3Key       string `json:"v3_key"`
}

func (e *emulator) describe(cloudURL string, runtime platform.Runtime, r role) description {
	m := e.secrets.merchant
	direct, partner := r, r
	direct.partner, partner.partner = false, true
	return description{
		GatewayURL: e.gatewayURL,
		BackupURL:  e.backupURL,
		AdminURL:   e.adminURL,
		CloudURL:   cloudURL,
		Runtime:    runtime,
		Env:        e.env(direct),
		PartnerEnv: e.env(partner),
		Merchant: describedMerchant{
			MchID: m.MchID, AppID: m.AppID, SubMchID: emulatedSubMchID, Serial: m.SerialNo,
			PrivateKey: e.secrets.privateKeyFile, PublicKey: e.secrets.publicKeyFile, PublicKeyID: e.gateway.PublicKeyID(),
			V2Key: m.V2Key, V3Key: m.V3Key,
		},
	}
}

func writeDescription(dir string, d description) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return bilingual.Errorf("encoding %s: %w", "编码 %s：%w", descriptionFile, err)
	}
	return writeFile(filepath.Join(dir, descriptionFile), append(text, '\n'))
}

// forgetDescription takes the description away: nobody is reached there any more.
func forgetDescription(dir string) { _ = os.Remove(filepath.Join(dir, descriptionFile)) }

func readDescription(dir string) (description, error) {
	var d description
	text, err := os.ReadFile(filepath.Join(dir, descriptionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return d, bilingual.Errorf("no emulator runs in %s: start one with `cloudpay emulate --dir %s`",
			"%s 中没有运行模拟器：请用 `cloudpay emulate --dir %s` 启动", dir, dir)
	}
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err == nil && d.CloudURL == "" {
		err = bilingual.Errorf("it has no cloud_url", "其中没有 cloud_url")
	}
	if err != nil {
		return d, bilingual.Errorf("%s does not say how the emulator is reached (start it anew): %w",
			"%s 没有说明如何访问模拟器（请重新启动）：%w", filepath.Join(dir, descriptionFile), err)
	}
	return d, nil
}
