package doctor

import (
	"context"
	"net/netip"
	"time"
)

// AskFor sets how long the question may take.
func (d *Doctor) AskFor(limit time.Duration) { d.queryLimit = limit }

// The names of the checks, which programs match as strings.
const (
	CheckSettings      = settingsCheck
	CheckConfiguration = configurationCheck
	CheckPrivateKey    = privateKeyCheck
	CheckPublicKey     = publicKeyCheck
	CheckCertificate   = certificateCheck
	CheckCallers       = callersCheck
	CheckMainDomain    = mainDomainCheck
	CheckBackupDomain  = backupDomainCheck
	CheckPrivateLink   = privateLinkCheck
	CheckClock         = clockCheck
	CheckSchema        = schemaCheck
	CheckAnswer        = answerCheck
	CheckDeployment    = deploymentCheck
	CheckRegion        = regionCheck
	CheckStore         = storeCheck
	CheckRights        = rightsCheck
	CheckWebhook       = webhookCheck
	CheckPlatformKeys  = platformKeysCheck
	CheckSelfTest      = selfTestCheck
	CheckBindings      = bindingsCheck
)

// ClockOfDatabase sets the clock of a store.
func (d *Doctor) ClockOfDatabase(read func(context.Context) (time.Time, error)) {
	d.databaseClock = read
}

// LookUp sets how names are resolved.
func (d *Doctor) LookUp(f func(ctx context.Context, host string) ([]netip.Addr, error)) { d.lookUp = f }

// Limit shortens the limits of checks; shorten is called with each.
func (d *Doctor) Limit(shorten func(most time.Duration) time.Duration) { d.limit = shorten }
