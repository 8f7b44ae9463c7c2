/** Short names for the wire's shapes; the shapes themselves are generated from api/openapi.yaml. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type AffectedRange = Schemas["AffectedRange"];
export type AdvisoryRef = Schemas["AdvisoryRef"];
export type EnrollToken = Schemas["EnrollToken"];
export type Event = Schemas["Event"];
export type EventPage = Schemas["EventPage"];
export type Facts = Schemas["Facts"];
export type FeedStatus = Schemas["FeedStatus"];
export type Finding = Schemas["Finding"];
export type FindingCounts = Schemas["FindingCounts"];
export type FindingPage = Schemas["FindingPage"];
export type FleetUpdate = Schemas["FleetUpdate"];
export type FleetUpdatePage = Schemas["FleetUpdatePage"];
export type Hardware = Schemas["Hardware"];
export type HistoryEntry = Schemas["HistoryEntry"];
export type HistoryPage = Schemas["HistoryPage"];
export type Host = Schemas["Host"];
export type HostDetail = Schemas["HostDetail"];
export type HostPage = Schemas["HostPage"];
export type KEV = Schemas["KEV"];
export type LiveMessage = Schemas["LiveMessage"];
export type MetadataState = Schemas["MetadataState"];
export type MetadataTime = Schemas["MetadataTime"];
export type Overview = Schemas["Overview"];
export type Package = Schemas["Package"];
export type Repository = Schemas["Repository"];
export type Session = Schemas["Session"];
export type Token = Schemas["Token"];
export type Update = Schemas["Update"];
export type UpdateCounts = Schemas["UpdateCounts"];
export type VulnDetail = Schemas["VulnDetail"];
export type VulnPage = Schemas["VulnPage"];
export type VulnRow = Schemas["VulnRow"];

export type Priority = Finding["priority"];
