package grids

// Status is the standing of a village unit on the way to "drug-free" (无毒村居).
type Status string

// The statuses in the order of the workflow. Certified units have one of three levels (达标, 先进, 示范).
const (
	StatusNone      Status = "none"      // 未申报
	Declared        Status = "declared"  // 申报
	Screening       Status = "screening" // 初审
	Building        Status = "building"  // 创建期
	OnSite          Status = "on_site"   // 验收
	Certified       Status = "certified" // 达标
	CertifiedGood   Status = "advanced"  // 先进
	CertifiedModel  Status = "model"     // 示范
	Expired         Status = "expired"   // 到期
	StatusSuspended Status = "suspended" // 暂停
	Revoked         Status = "revoked"   // 撤销
)

// Statuses lists every status in workflow order.
var Statuses = [...]Status{StatusNone, Declared, Screening, Building, OnSite, Certified, CertifiedGood, CertifiedModel, Expired, StatusSuspended, Revoked}

// IsCertified reports whether the status is one of the three certified levels.
func (s Status) IsCertified() bool {
	return s == Certified || s == CertifiedGood || s == CertifiedModel
}

// VillageStatus is the status of one village unit over a range of days; ValidTo 0 means "until further notice".
type VillageStatus struct {
	ID          ID
	VillageCode Code
	Status      Status
	ValidFrom   Day
	ValidTo     Day // last valid day, 0 = open
	Synthetic   bool
}
