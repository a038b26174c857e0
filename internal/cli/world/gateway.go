package world

import (
	"context"
	"errors"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/ports"
)

// CheckGateway reports what is wrong with the folder and the first port of a gateway, and with the
// hosts besides this machine that it may notify.
func CheckGateway(dir string, base int, notifyHosts []string) error {
	const highest = 65_535 - 2
	var faults []error
	if dir == "" {
		faults = append(faults, bilingual.Errorf("--dir: name a folder, which may be a new one", "--dir：请指定目录，可为新目录"))
	}
	if base < 0 || base > highest {
		faults = append(faults, bilingual.Errorf("--port-base: must be 0 to %d", "--port-base：须为 0 至 %d", highest))
	}
	if err := desk.CheckHosts(notifyHosts); err != nil {
		faults = append(faults, bilingual.Errorf("--notify-hosts: %w", "--notify-hosts：%w", err))
	}
	return errors.Join(faults...)
}

// Gateway serves WeChat Pay alone, without functions, on three ports from base on (0: any free
// ones), until ctx ends. ready is called when it is described in the folder. The description is
// written last and removed first, as an emulator's is: it never names what does not answer. When
// the process is killed instead, the system releases the folder's lock, and the next start removes
// the description.
func Gateway(ctx context.Context, dir string, base int, notifyHosts []string, ready func(dir string, d desk.Description)) error {
	path, release, err := desk.Lock(dir)
	if err != nil {
		return err
	}
	defer release()
	at := desk.Addresses{
		Gateway: ports.Numbered(base, 0), Backup: ports.Numbered(base, 1), Admin: ports.Numbered(base, 2), NotifyHosts: notifyHosts,
	}
	at.Reserved, err = ports.Reserve(ctx, ports.Place{Name: "gateway", Address: at.Gateway},
		ports.Place{Name: "backup", Address: at.Backup}, ports.Place{Name: "admin", Address: at.Admin})
	if err != nil {
		return err
	}
	defer at.Reserved.Close()
	d, err := desk.Start(ctx, path, at)
	if err != nil {
		return err
	}
	defer d.Close()
	described := d.Describe("", "", desk.Settings{API: "v3", Region: "cn"})
	forget, err := described.Write(path)
	if err != nil {
		return err
	}
	defer forget()
	ready(path, described)
	<-ctx.Done()
	return nil
}
