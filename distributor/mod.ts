// The door of the distributor: the push path and the receivers in front of it.
export {
  createDistributor,
  defaultDistributorOptions,
  type Distributor,
  type DistributorDependencies,
  type DistributorOptions,
  type Push,
} from "./distributor.ts";
