export { publishedProjects, repositoryRoot, trackedFiles, type PublishedProject } from './projects.ts';
export { builtModules, type BuiltModule } from './built-modules.ts';
